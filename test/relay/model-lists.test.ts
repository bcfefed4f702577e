// The cache of the lists of models: per account, shared while a list is under way, and never a delay for long.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createModelLists } from "../../src/relay/model-lists.ts";

const never = new AbortController().signal;
const start = 1_000_000;
const list = Buffer.from("[]");

test("a list is asked for once while it is under way and while it is fresh", async () => {
  const lists = createModelLists();
  let asked = 0;
  const fetch = async () => {
    asked++;
    await new Promise((resolve) => setTimeout(resolve, 5));
    return { list };
  };
  const get = (now: number, key = "a") => lists.get(key, { fetch, signal: never, now });
  const all = await Promise.all([get(start), get(start), get(start)]);
  assert.deepEqual(
    all.map((one) => one.list),
    [list, list, list],
  );
  await get(start + 59_999);
  assert.equal(asked, 1);
  await get(start + 60_000);
  await get(start, "b");
  assert.equal(asked, 3);
});

test("the last list of an account is shown when it has none now, and it is asked again next time", async () => {
  const lists = createModelLists();
  const answers = [list, undefined, list];
  const fetch = async () => ({ list: answers.shift() });
  for (const now of [start, start + 60_000, start + 60_001]) {
    assert.equal((await lists.get("a", { fetch, signal: never, now })).list, list);
  }
  assert.equal(answers.length, 0);
  const failing = () => Promise.reject(new Error("no"));
  assert.equal((await lists.get("b", { fetch: failing, signal: never, now: start })).list, undefined);
});

test("a slow account delays one client a minute, and its list is there for later ones", async () => {
  const lists = createModelLists({ waitTimeoutMs: 20 });
  const { promise, resolve } = Promise.withResolvers<{ list: Buffer }>();
  let asked = 0;
  const fetch = () => {
    asked++;
    return promise;
  };
  const get = (now: number) => lists.get("a", { fetch, signal: never, now });
  assert.deepEqual(await get(start), { list: undefined, isLate: true });
  const begun = performance.now();
  assert.deepEqual(await get(start + 59_999), { list: undefined, isLate: true });
  assert.ok(performance.now() - begun < 15, "nobody waits");
  resolve({ list });
  await promise;
  await new Promise((done) => setImmediate(done));
  assert.equal((await get(start + 59_999)).list, list);
  assert.equal(asked, 1);
});

test("a list that every client has left is cancelled, one that somebody waits for is not", async () => {
  const lists = createModelLists({ waitTimeoutMs: 1000 });
  const clients = [new AbortController(), new AbortController()];
  let given = false;
  const fetch = (signal: AbortSignal) =>
    new Promise<object>((resolve) => {
      signal.addEventListener("abort", () => {
        given = true;
        resolve({});
      });
    });
  const asked = clients.map(({ signal }) => lists.get("a", { fetch, signal, now: start }));
  clients[0]!.abort();
  await asked[0];
  assert.equal(given, false);
  clients[1]!.abort();
  await asked[1];
  assert.equal(given, true);
});

test("a refusal reaches everybody who waits for it, in place of the last list, and is not kept", async () => {
  const lists = createModelLists();
  const refusal = { status: 401, headers: [], body: "{}" };
  const answers = [{ list }, { refusal }, { list }];
  const fetch = async () => answers.shift()!;
  const get = (now: number) => lists.get("a", { fetch, signal: never, now });
  await get(start);
  const refused = { list: undefined, isLate: false, refusal };
  assert.deepEqual(await Promise.all([get(start + 60_000), get(start + 60_000)]), [refused, refused]);
  assert.equal((await get(start + 60_000)).list, list);
});

test("lists take 16 MB together at most: those that nobody has asked for the longest go first", async () => {
  const lists = createModelLists();
  const asked: string[] = [];
  const get = (key: string) =>
    lists.get(key, {
      fetch: async () => {
        asked.push(key);
        return { list: Buffer.alloc(7 * 1024 * 1024) };
      },
      signal: never,
      now: start,
    });
  for (const key of ["a", "b", "a", "c", "a", "c", "b"])
    assert.equal((await get(key)).list?.length, 7 * 1024 * 1024);
  assert.deepEqual(asked, ["a", "b", "c", "b"]);
});

test("who waits for a list gets it, also when there is no room to keep it", async () => {
  const lists = createModelLists();
  const large = Buffer.alloc(8 * 1024 * 1024);
  const { promise, resolve } = Promise.withResolvers<{ list: Buffer }>();
  const first = lists.get("a", { fetch: () => promise, signal: never, now: start });
  for (const key of ["b", "c"])
    await lists.get(key, { fetch: async () => ({ list: large }), signal: never, now: start });
  resolve({ list });
  assert.deepEqual(await first, { list, isLate: false });
});
