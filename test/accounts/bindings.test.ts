import assert from "node:assert/strict";
import { test } from "node:test";
import { createBindings } from "../../src/accounts/bindings.ts";
import { memoryBindingStore, session, start } from "./fakes.ts";

const ttl = { ttlMs: session.stickyTtlMs, renewalThresholdMs: session.renewalThresholdMs };

test("a session is bound to the account that answered it first, across a restart", async () => {
  const store = memoryBindingStore();
  const bindings = await createBindings(store, start);
  await bindings.bind({ kind: "session", key: "s1", accountId: "a", now: start, ...ttl });
  assert.equal((await bindings.find("session", "s1", start))?.accountId, "a");
  const restarted = await createBindings(store, start + 1);
  assert.equal((await restarted.find("session", "s1", start + 1))?.accountId, "a");
  assert.equal(await restarted.find("response", "s1", start + 1), undefined);
});

test("an answer from elsewhere is a fallback, and an answer from home ends it", async () => {
  const bindings = await createBindings(memoryBindingStore(), start);
  for (const accountId of ["home", "other"]) {
    await bindings.bind({ kind: "session", key: "s", accountId, now: start, ...ttl });
  }
  assert.deepEqual(pick(await bindings.find("session", "s", start)), ["home", "other"]);
  await bindings.bind({ kind: "session", key: "s", accountId: "home", now: start, ...ttl });
  assert.deepEqual(pick(await bindings.find("session", "s", start)), ["home", undefined]);
});

test("a binding ends an hour after its last request, and is written again every five minutes at most", async () => {
  const store = memoryBindingStore();
  const bindings = await createBindings(store, start);
  const bind = (now: number) => bindings.bind({ kind: "session", key: "s", accountId: "a", now, ...ttl });
  await bind(start);
  for (const now of [1000, 200_000, 299_999]) await bind(start + now);
  assert.equal(store.saves, 1);
  assert.ok(await bindings.find("session", "s", start + 3_899_998));
  assert.equal(await bindings.find("session", "s", start + 3_899_999), undefined);
  await bind(start + 300_000);
  await bind(start + 400_000);
  assert.equal(store.saves, 2);
  const restarted = await createBindings(store, start + 3_800_000);
  assert.ok(await restarted.find("session", "s", start + 3_800_000));
});

test("the bindings of an account that goes are dropped, and fallbacks over it end", async () => {
  const bindings = await createBindings(memoryBindingStore(), start);
  await bindings.bind({ kind: "session", key: "s1", accountId: "gone", now: start, ...ttl });
  await bindings.bind({ kind: "session", key: "s2", accountId: "home", now: start, ...ttl });
  await bindings.bind({ kind: "session", key: "s2", accountId: "gone", now: start, ...ttl });
  await bindings.dropAccount("gone");
  assert.equal(await bindings.find("session", "s1", start), undefined);
  assert.deepEqual(pick(await bindings.find("session", "s2", start)), ["home", undefined]);
});

test("a clock that is ahead for a moment ends no binding for good", async () => {
  const bindings = await createBindings(memoryBindingStore(), 0);
  await bindings.bind({ kind: "response", key: "r", accountId: "a", now: start, ...ttl });
  const ahead = start + 730 * 86_400_000;
  assert.equal(await bindings.find("response", "r", ahead), undefined);
  assert.equal((await bindings.find("response", "r", start + 1))?.accountId, "a");
  bindings.prune(ahead);
  assert.equal(await bindings.find("response", "r", start + 1), undefined);
});

function pick(bound: { accountId: string; fallbackId: string | undefined } | undefined) {
  return [bound?.accountId, bound?.fallbackId];
}

test("of more than can be kept, sessions and the youngest come back after a restart", async () => {
  const store = memoryBindingStore();
  const row = (kind: string, index: number) => ({
    kind,
    key: `${kind}-${index}`,
    accountId: "a",
    fallbackId: undefined,
    expiresAt: start + 1000 + index,
  });
  for (let index = 0; index < 100_010; index++) await store.save(row("response", index));
  await store.save(row("session", 0));
  const bindings = await createBindings(store, start);
  assert.ok(await bindings.find("session", "session-0", start));
  assert.equal(await bindings.find("response", "response-10", start), undefined);
  assert.ok(await bindings.find("response", "response-11", start));
});
