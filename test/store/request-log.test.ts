// The requests one by one: the last ones, one with its attempts, and those that are recorded while somebody follows.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Store } from "../../src/store/store.ts";
import type { AttemptRow } from "../../src/store/usage-store.ts";
import { createMadeHarness } from "./harness.ts";
import { day, maintainAll, noon, tokens, usageRow } from "./rows.ts";

const limited: AttemptRow = {
  account: "claude-1",
  status: 429,
  class: "rate-limited",
  next: "next account",
  ms: 12,
  reason: "the 5-hour limit is reached",
};
const answered: AttemptRow = {
  account: "claude-2",
  status: 200,
  class: "answered",
  next: "answered",
  ms: 340,
};

function storeTest(title: string, body: (store: Store, open: () => Promise<Store>) => Promise<void>): void {
  test(title, async () => {
    const harness = await createMadeHarness();
    try {
      await body(await harness.open(), () => harness.open({ readonly: true }));
    } finally {
      await harness.dispose();
    }
  });
}

const idsOf = (records: readonly { id: string }[]) => records.map(({ id }) => id);

storeTest(
  "the last requests come newest first, with every field and the path over the accounts",
  async (store, open) => {
    await store.usage.record(usageRow("first", { time: noon - 2000 }));
    await store.usage.record(
      usageRow("second", {
        account: "claude-2",
        attempts: 2,
        attemptRows: [limited, answered],
        sentModel: "claude-sonnet-5",
        tokens: tokens({ input: 7 }),
      }),
    );
    await store.usage.record(
      usageRow("none", { time: noon - 3000, account: "(none)", outcome: "failed", status: 503 }),
    );
    const reader = await open();
    const [second, ...others] = await reader.requests.last({ limit: 20 });
    const { costUsd, ...fields } = second!;
    assert.ok(costUsd! > 0);
    assert.deepEqual(fields, {
      id: "second",
      time: noon,
      client: "laptop",
      family: "claude",
      route: "claude/generate",
      model: "claude-opus-5-5",
      sentModel: "claude-sonnet-5",
      account: "claude-2",
      path: ["claude-1", "claude-2"],
      status: 200,
      outcome: "complete",
      firstByteMs: 250,
      totalMs: 1500,
      tokens: tokens({ input: 7 }),
    });
    assert.deepEqual(
      others.map(({ id, path, sentModel }) => ({ id, path, sentModel })),
      [
        { id: "first", path: ["claude-1"], sentModel: undefined },
        { id: "none", path: [], sentModel: undefined },
      ],
    );
    assert.deepEqual(idsOf(await reader.requests.last({ limit: 1 })), ["second"]);
  },
);

storeTest("the cost is that of the model that was sent", async (store) => {
  for (const [id, model, sentModel] of [
    ["asked", "no-such-model", undefined],
    ["sent", "no-such-model", "claude-opus-5-5"],
  ] as const) {
    await store.usage.record(usageRow(id, { model, sentModel }));
  }
  assert.equal((await store.requests.find("asked"))?.costUsd, undefined);
  assert.ok((await store.requests.find("sent"))!.costUsd! > 0);
});

storeTest("a request is found with each of its attempts, also when it is recorded again", async (store) => {
  await store.usage.record(usageRow("a", { attempts: 1, attemptRows: [limited] }));
  await store.usage.record(
    usageRow("a", { attempts: 2, attemptRows: [limited, { ...answered, status: undefined }] }),
  );
  await store.usage.record(usageRow("b"));
  const found = await store.requests.find("a");
  assert.deepEqual(found?.attempts, [limited, { ...answered, status: undefined }]);
  assert.deepEqual((await store.requests.find("b"))?.attempts, []);
  assert.equal(await store.requests.find("c"), undefined);
});

storeTest("each filter picks its requests, alone and together", async (store) => {
  const rows = [
    usageRow("old", { time: noon - 10 * day }),
    usageRow("tried", { account: "claude-2", attempts: 2, attemptRows: [limited, answered] }),
    usageRow("phone", { client: "phone", model: "gpt-9", account: "x" }),
    usageRow("cut", { outcome: "truncated", model: "m", sentModel: "gpt-9-mini", account: "x" }),
    usageRow("left", { outcome: "aborted", account: "x" }),
  ];
  for (const row of rows) await store.usage.record(row);
  const ids = async (filter: object) => idsOf(await store.requests.last({ limit: 9, ...filter })).sort();
  assert.deepEqual(await ids({ since: noon }), ["cut", "left", "phone", "tried"]);
  assert.deepEqual(await ids({ account: "claude-1" }), ["old", "tried"]);
  assert.deepEqual(await ids({ client: "phone" }), ["phone"]);
  assert.deepEqual(await ids({ model: "gpt-9*" }), ["cut", "phone"]);
  assert.deepEqual(await ids({ failed: true }), ["cut"]);
  assert.deepEqual(await ids({ failed: false, since: undefined }), ["cut", "left", "old", "phone", "tried"]);
  assert.deepEqual(await ids({ account: "claude-1", since: noon }), ["tried"]);
});

storeTest("whoever follows gets each request once, in the order of their ends", async (store, open) => {
  await store.usage.record(usageRow("before"));
  const reader = await open();
  let seq = await reader.requests.newest();
  const next = async (query: object = {}) => {
    const { seq: reached, records } = await reader.requests.after(seq, { limit: 2, ...query });
    seq = reached;
    return idsOf(records);
  };
  assert.deepEqual(await next(), []);
  await store.usage.record(usageRow("short", { time: noon + 5 }));
  await store.usage.record(usageRow("long", { time: noon - 60_000 }));
  await store.usage.record(usageRow("short", { time: noon + 5, outcome: "aborted" }));
  await store.usage.record(usageRow("phone", { client: "phone" }));
  assert.deepEqual(await next(), ["short", "long"]);
  assert.deepEqual(await next({ client: "laptop" }), []);
  assert.deepEqual(await next(), [], "what a filter leaves out is passed by");
});

storeTest("attempts go with their request when its retention ends", async (store) => {
  for (let age = 0; age < 12; age++) {
    await store.usage.record(
      usageRow(`r${age}`, { time: noon - age * day, attempts: 1, attemptRows: [limited] }),
    );
  }
  await maintainAll(store, noon, 5 * day);
  const left = await store.requests.last({ limit: 20 });
  assert.deepEqual(idsOf(left), ["r0", "r1", "r2", "r3", "r4", "r5"]);
  assert.deepEqual((await store.requests.find("r5"))?.attempts, [limited]);
  await store.usage.record(usageRow("r11"));
  assert.deepEqual((await store.requests.find("r11"))?.attempts, []);
});

storeTest(
  "a clock that is two years ahead for a minute deletes nothing, whatever was requested in it",
  async (store) => {
    for (let age = 0; age < 20; age++)
      await store.usage.record(usageRow(`r${age}`, { time: noon - age * day }));
    const ahead = noon + 730 * day;
    await maintainAll(store, ahead);
    await store.usage.record(usageRow("ahead", { time: ahead }));
    await maintainAll(store, ahead + 60_000);
    assert.equal((await store.requests.last({ limit: 99 })).length, 21);
    await maintainAll(store, noon + day, 10 * day);
    assert.equal(
      (await store.requests.last({ limit: 99 })).length,
      12,
      "back in time, what is old goes as ever",
    );
  },
);
