// What each key does to what `top` shows.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accountsOf,
  createState,
  itemsOf,
  press,
  selectedItem,
  type TopState,
  takeStatus,
} from "../../../src/cli/top/state.ts";
import { type Key, type KeyName, readKeys } from "../../../src/terminal/keys.ts";
import { limited, status } from "./status.ts";

const start: TopState = { ...createState("http://127.0.0.1:3000"), status };
const key = (name: Exclude<KeyName, "text">): Key => ({ name });
const letters = (text: string): Key[] => [...text].map((letter) => ({ name: "text", text: letter }));

function pressAll(state: TopState, ...keys: Key[]): TopState {
  return keys.reduce((before, each) => press(before, each).state, state);
}

test("arrows go through the accounts, then the requests, and stop at both ends", () => {
  assert.equal(selectedItem(start)?.key, "account home");
  assert.equal(selectedItem(pressAll(start, key("up")))?.key, "account home");
  assert.equal(selectedItem(pressAll(start, key("down"), key("down")))?.key, "account gemini-1");
  const last = pressAll(start, key("end"));
  assert.equal(selectedItem(last)?.request?.outcome, "truncated");
  assert.deepEqual(selectedItem(pressAll(last, key("down"))), selectedItem(last));
});

test("Enter opens the requests of an account, then one request, and Escape leads back the same way", () => {
  const opened = press(pressAll(start, key("down")), key("enter"));
  assert.deepEqual(opened.wish, { kind: "read-account", account: "work" });
  const request = press(pressAll(opened.state, key("end")), key("enter"));
  assert.equal(request.state.view, "request");
  assert.deepEqual(request.wish?.kind, "read-request");
  const back = pressAll(request.state, key("escape"), key("escape"));
  assert.deepEqual([back.view, back.selected], ["overview", "account work"]);
});

test("a running request is opened without asking the database for it", () => {
  const state = { ...start, selected: `request ${status.running[0]!.id}` };
  assert.equal(press(state, key("enter")).wish, undefined);
});

test("a running request that is looked at goes on with what the relay says, and is read once it has ended", () => {
  const [running, other] = status.running;
  const opened = press({ ...start, selected: `request ${running!.id}` }, key("enter")).state;
  const later = { ...running!, attempts: [limited, { ...limited, account: "work" }] };
  const during = takeStatus(opened, { ...status, running: [later, other!] });
  assert.deepEqual([during.state.request, during.wish], [later, undefined]);
  const ended = { ...running!, outcome: "complete", status: 200 };
  const after = takeStatus(during.state, { ...status, running: [], recent: [ended] });
  assert.deepEqual(after.wish, { kind: "read-request", id: ended.id });
  const read = { ...after.state, request: { ...ended, attempts: [limited] } };
  assert.equal(takeStatus(read, { ...status, running: [], recent: [ended] }).wish, undefined);
});

test("e and d are about the selected account, and say so where none is", () => {
  assert.deepEqual(press(start, letters("d")[0]!).wish, { kind: "disable", account: "home" });
  const onRequest = pressAll(start, key("end"));
  const { wish, state } = press(onRequest, letters("e")[0]!);
  assert.deepEqual([wish, state.message], [undefined, "select an account to enable it"]);
});

test("a filter leaves accounts and requests that hold the text, whatever its case, and q is a letter in it", () => {
  const typed = pressAll(start, ...letters("/GEM"));
  assert.deepEqual(
    itemsOf(typed).map((item) => item.key),
    ["account gemini-1"],
  );
  assert.equal(pressAll(start, ...letters("/q")).filter, "q");
  assert.equal(itemsOf(pressAll(typed, key("escape"))).length, itemsOf(start).length);
});

test("s sorts by state, tokens and name, and keeps the selection", () => {
  const orders = [1, 2, 3, 4].map((times) => {
    const state = pressAll({ ...start, selected: "account work" }, ...letters("s".repeat(times)));
    assert.equal(selectedItem(state)?.key, "account work");
    return accountsOf(state).map(({ id }) => id);
  });
  assert.deepEqual(orders, [
    ["gemini-1", "home", "work", "old"],
    ["home", "work", "gemini-1", "old"],
    ["gemini-1", "home", "old", "work"],
    ["home", "work", "gemini-1", "old"],
  ]);
});

test("keys are read out of what a terminal sends, and unknown sequences are nothing", () => {
  const names = (text: string) =>
    readKeys(text).map((each) => (each.name === "text" ? each.text : each.name));
  assert.deepEqual(names("\u001b[A\u001bOB\u001b[5~q\u0003\r\u007f"), [
    ...["up", "down", "page-up", "q", "interrupt", "enter", "backspace"],
  ]);
  assert.deepEqual(names("\u001b[1;5A\u001b[200~é\u001b"), ["é", "escape"]);
});
