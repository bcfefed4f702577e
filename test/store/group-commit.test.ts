import assert from "node:assert/strict";
import { test } from "node:test";
import { createGroupCommit } from "../../src/store/group-commit.ts";

/** Commits at once, and keeps what each commit held. */
function recorder(options: { intervalMs?: number; maxRows?: number } = {}) {
  const commits: number[][] = [];
  const group = createGroupCommit<number>({
    ...options,
    async commit(rows) {
      if (rows.includes(-1)) throw new Error("no");
      commits.push([...rows]);
    },
  });
  return { commits, ...group };
}

test("rows of one turn share a commit, and each hears of it", async () => {
  const { add, commits } = recorder();
  await Promise.all([add(1), add(2), add(3)]);
  assert.deepEqual(commits, [[1, 2, 3]]);
});

test("a row that comes alone does not wait for the interval", async () => {
  const { add, commits } = recorder({ intervalMs: 60_000 });
  await add(1);
  assert.deepEqual(commits, [[1]]);
});

test("rows that come within the interval of the last commit share the next one", async () => {
  const { add, commits, settle } = recorder({ intervalMs: 60_000 });
  await add(1);
  const second = add(2);
  await new Promise((resolve) => setImmediate(resolve));
  const third = add(3);
  assert.deepEqual(commits, [[1]]);
  await settle();
  await Promise.all([second, third]);
  assert.deepEqual(commits, [[1], [2, 3]]);
});

test("a group that is full is committed at once", async () => {
  const { add, commits } = recorder({ intervalMs: 60_000, maxRows: 2 });
  await add(1);
  await Promise.all([add(2), add(3)]);
  assert.deepEqual(commits, [[1], [2, 3]]);
});

test("a commit that fails is reported to its own rows and to no other", async () => {
  const { add, commits } = recorder({ intervalMs: 0 });
  const [good, bad] = await Promise.allSettled([add(1), add(-1)]);
  assert.deepEqual([good.status, bad.status], ["rejected", "rejected"]);
  await add(2);
  assert.deepEqual(commits, [[2]]);
});

test("nothing waits after settling, though a turn's commit was still to come", async () => {
  const { add, commits, settle } = recorder();
  const row = add(1);
  await settle();
  await row;
  assert.deepEqual(commits, [[1]]);
});
