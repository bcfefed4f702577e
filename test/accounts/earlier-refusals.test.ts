import assert from "node:assert/strict";
import { test } from "node:test";
import type { Account, Cooldown } from "../../src/accounts/account.ts";
import { createEarlierRefusals } from "../../src/accounts/earlier-refusals.ts";

const [a, b] = [{ id: "a" }, { id: "b" }] as unknown as [Account, Account];
const asked = (account: Account) => new Map<Account, Cooldown | undefined>([[account, undefined]]);
const minute = 60_000;

test("what a session asked within a minute is asked together, until it is answered", () => {
  const earlier = createEarlierRefusals();
  earlier.join("one", asked(a), 0);
  assert.deepEqual([...earlier.join("one", asked(b), minute).keys()], [a, b]);
  earlier.forget("one");
  assert.deepEqual([...earlier.join("one", asked(b), minute).keys()], [b]);
});

test("what is older, of another session or of none is another request, and the time that runs backwards, too", () => {
  const earlier = createEarlierRefusals();
  earlier.join("one", asked(a), minute);
  earlier.join(undefined, asked(a), minute);
  for (const [session, now] of [["two", minute] as const, [undefined, minute] as const])
    assert.deepEqual([...earlier.join(session, asked(b), now).keys()], [b]);
  assert.deepEqual([...earlier.join("one", asked(b), 2 * minute + 1).keys()], [b]);
  assert.deepEqual([...earlier.join("one", asked(a), minute).keys()], [a]);
});

test("a request that was sent to nobody changes nothing, and of very many sessions the oldest go", () => {
  const earlier = createEarlierRefusals();
  earlier.join("one", asked(a), 0);
  assert.equal(earlier.join("one", new Map(), 1).size, 0);
  assert.equal(earlier.join("one", asked(b), 1).size, 2);
  for (let index = 0; index < 1000; index++) earlier.join(`session ${index}`, asked(a), 1);
  assert.equal(earlier.join("one", asked(b), 1).size, 1);
});
