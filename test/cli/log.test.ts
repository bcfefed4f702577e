// `cc-relay log` as it is typed: what a person sees at 80 and 120 columns, what programs get, and what a filter leaves.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { followRequests } from "../../src/cli/log/follow.ts";
import { usageRow } from "../store/rows.ts";
import { until } from "../support/until.ts";
import { seedLog } from "./log-seed.ts";
import { createWorkplace, inWorkplace, minute, now, type Workplace } from "./workplace.ts";

let place: Workplace;
before(async () => {
  place = await createWorkplace(undefined);
  await place.store(seedLog);
});
after(() => place.close());

const terminal = (width: number) => ({ screen: { isTerminal: true, width } });

/** Times are local. */
const clock = (ago: number) => new Date(now - ago * minute).toTimeString().slice(0, 8);

describe("the list", () => {
  it("is a table of 80 columns on a terminal of 80, newest last", async () => {
    const { stdout } = await place.type("log", terminal(80));
    assert.equal(
      stdout,
      `TIME      ID        MODEL                        ACCOUNTS     RESULT       TOTAL
${clock(40)}  0a0a0a0a  claude-opus-5-5              work         200          12.4s
${clock(30)}  0b0b0b0b  claude-opu… as claude-sonn…  home → work  200         1m 11s
${clock(20)}  0c0c0c0c  claude-opus-5-5              home → work  failed 429   10.4s
${clock(10)}  0d0d0d0d  evil�[2J�model��x            home         truncated     1.5s
${clock(1)}  0e0e0e0e  claude-opus-5-5              home         aborted      600ms
`,
    );
  });

  it("has more columns on a terminal of 120", async () => {
    const { stdout } = await place.type("log", terminal(120));
    assert.equal(
      stdout,
      `TIME      ID        CLIENT  MODEL                                 ACCOUNTS          RESULT       TOTAL  TOKENS      COST
${clock(40)}  0a0a0a0a  laptop  claude-opus-5-5                       work              200          12.4s     40k     $0.03
${clock(30)}  0b0b0b0b  ci      claude-opus-5-5 as claude-sonnet-5-5  home → work       200         1m 11s    1.1k   $0.0030
${clock(20)}  0c0c0c0c  laptop  claude-opus-5-5                       home → work       failed 429   10.4s       0     $0.00
${clock(10)}  0d0d0d0d  phone   evil�[2J�model��x                     home              truncated     1.5s    1.1k   unknown
${clock(1)}  0e0e0e0e  laptop  claude-opus-5-5                       home              aborted      600ms    1.1k   $0.0060
`,
    );
  });

  it("cuts no name on a terminal of 60 while there is room beside it", async () => {
    const { stdout } = await place.type("log --limit 4 --client laptop", terminal(60));
    assert.match(stdout, /^\d\d:\d\d:\d\d {2}0c0c0c0c {2}claude-opus-5-5 {2}home → work {2}failed 429$/m);
  });

  for (const width of [60, 80, 100, 120, 200]) {
    it(`fits a terminal of ${width} columns`, async () => {
      const { stdout } = await place.type("log", terminal(width));
      const widest = Math.max(...stdout.split("\n").map((line) => [...line].length));
      assert.ok(widest <= width, `${widest} columns`);
    });
  }

  it("is tab-separated in a pipe, with whole ids and RFC 3339 times", async () => {
    const { stdout } = await place.type("log --limit 1 --account work");
    const fields = ["2026-11-22T11:40:00.000Z", "mia00000-0c0c0c0c-0003", "laptop", "claude-opus-5-5"];
    assert.equal(stdout, `${fields.join("\t")}\thome,work\t429\tfailed\t\t10400\t0\t0\n`);
  });

  it("says in a pipe, too, which model was sent in the place of another", async () => {
    const { stdout } = await place.type("log --model claude-sonnet-5-5");
    assert.match(stdout, /\tclaude-opus-5-5 as claude-sonnet-5-5\t/);
  });

  it("is JSON lines with every field with --json, names as they came", async () => {
    const { stdout } = await place.type("log --json --client phone");
    assert.deepEqual(JSON.parse(stdout), {
      id: "mia00000-0d0d0d0d-0004",
      time: "2026-11-22T11:50:00.000Z",
      client: "phone",
      family: "gemini",
      route: "gemini/generate",
      model: "evil\u001b[2J\u202emodel\r\nx",
      sent_model: null,
      account: "home",
      path: ["home"],
      status: 200,
      outcome: "truncated",
      first_byte_ms: 250,
      total_ms: 1500,
      tokens: { input: 1000, output: 100, cache_creation: 0, cache_read: 0, reasoning: 0 },
      cost_usd: null,
    });
  });

  for (const [flags, expected] of [
    ["--limit 2", ["0d0d0d0d", "0e0e0e0e"]],
    ["--since 25m", ["0c0c0c0c", "0d0d0d0d", "0e0e0e0e"]],
    ["--account home", ["0b0b0b0b", "0c0c0c0c", "0d0d0d0d", "0e0e0e0e"]],
    ["--client ci", ["0b0b0b0b"]],
    ["--model *sonnet*", ["0b0b0b0b"]],
    ["--failed", ["0c0c0c0c", "0d0d0d0d"]],
    ["--failed --client laptop", ["0c0c0c0c"]],
  ] as const) {
    it(`${flags} leaves what fits`, async () => {
      const { stdout } = await place.type(`log ${flags}`);
      const ids = stdout
        .trim()
        .split("\n")
        .map((line) => line.split("\t")[1]?.split("-")[1]);
      assert.deepEqual(ids, expected);
    });
  }

  it("says what to do where there is nothing", async () => {
    const { stdout, stderr, code } = await place.type("log --client nobody");
    assert.deepEqual([stdout, code], ["", 0]);
    assert.equal(stderr, "no requests\n  - to see every request, run: cc-relay log\n");
    await inWorkplace(undefined, async (empty) => {
      const { stderr } = await empty.type("log");
      assert.match(stderr, /cc-relay serve/);
    });
  });

  it("takes no limit that is no number", async () => {
    const { code, stderr } = await place.type("log --limit many");
    assert.equal(code, 2);
    assert.match(stderr, /--limit: 'many' is invalid: a number from 0/);
  });
});

describe("one request", () => {
  for (const width of [80, 120]) {
    it(`shows what became of it and each attempt at ${width} columns`, async () => {
      const { stdout } = await place.type("log mia00000-0b0b0b0b-0002", terminal(width));
      assert.equal(
        stdout,
        `mia00000-0b0b0b0b-0002
  ✓ answered 200 by work
  time      ${clock(30)} (30m ago)
  client    ci
  model     claude-opus-5-5 as claude-sonnet-5-5
  route     claude/generate
  accounts  home → work
  took      first byte after 1.5s, ended after 1m 11s, 1 token a second
  tokens    1k input, 100 output
  cost      $0.0030

  #  ACCOUNT  STATUS  CLASSIFIED AS  THEN          AFTER
  1  home     429     rate-limited   next account  340ms
     the 5-hour limit is reached
  2  work     200     answered       served         1.2s
`,
      );
    });
  }

  it("is found by the short id of the list", async () => {
    const { stdout, code } = await place.type("log 0c0c0c0c", terminal(80));
    assert.equal(code, 0);
    assert.match(stdout, /✗ failed 429: no account answered/);
    assert.match(
      stdout,
      / 2 {2}work {5}- {7}unreachable {4}no account left {2}10\.0s\n {5}no connection within 10 s\n$/,
    );
  });

  it("is one object with its attempts with --json", async () => {
    const { stdout } = await place.type("log 0b0b0b0b --json");
    assert.deepEqual(JSON.parse(stdout).attempts, [
      {
        ...{ account: "home", status: 429, class: "rate-limited", next: "next account", ms: 340 },
        reason: "the 5-hour limit is reached",
      },
      { account: "work", status: 200, class: "answered", next: "served", ms: 1180, reason: null },
    ]);
  });

  it("exits with 1 when nobody knows the id, and shows no control character of it", async () => {
    const { stdout, stderr, code } = await place.type("log no\u001b[2Jsuch");
    assert.deepEqual([stdout, code], ["", 1]);
    assert.equal(
      stderr,
      "✗ no request no�[2Jsuch is in the database\n  - to see the last ones with their ids, run: cc-relay log\n",
    );
  });
});

it("a request over a WebSocket that moved says so, with the account that it has left, and is no failure", async () => {
  await inWorkplace(undefined, async (other) => {
    await other.store(({ usage }) =>
      usage.record(
        usageRow("mia00000-0f0f0f0f-0006", {
          ...{ time: now - minute, account: "(none)", status: 400, outcome: "moved" },
          attempts: 1,
          attemptRows: [
            { account: "home", status: 429, class: "rate-limited", next: "next account", ms: 12 },
          ],
          ...{ firstByteMs: undefined, totalMs: 14 },
        }),
      ),
    );
    const { stdout: list } = await other.type("log", terminal(80));
    assert.match(list, / 0f0f0f0f {2}claude-opus-5-5 +home +moved +14ms\n/);
    const { stdout: detail } = await other.type("log 0f0f0f0f", terminal(80));
    assert.match(detail, / {2}! moved: the client sends the whole conversation again\n/);
    const { stdout: failed } = await other.type("log --failed");
    assert.equal(failed, "");
  });
});

it("following shows the last ones first, then each that ends, once", async (t) => {
  await inWorkplace(undefined, async (other) => {
    const ids: string[] = [];
    let isWaiting = false;
    let isOver = false;
    t.after(() => (isOver = true));
    const following = followRequests({
      ...{ path: other.database, filter: { client: "laptop" }, limit: 2, pollMs: 5 },
      onRecords: (records) => void ids.push(...records.map(({ id }) => id)),
      onWaiting: () => (isWaiting = true),
      isOver: () => isOver,
    });
    await until("it waits for a database", () => isWaiting || undefined);
    await other.store(seedLog);
    await until("the last ones", () => ids.at(-1)?.endsWith("0005"));
    await other.store(async ({ usage }) => {
      await usage.record(usageRow("new-1"));
      await usage.record(usageRow("new-2", { client: "other" }));
      await usage.record(usageRow("new-1", { totalMs: 9000 }));
      await usage.record(usageRow("new-3"));
    });
    await until("the new ones", () => ids.includes("new-3"));
    isOver = true;
    await following;
    assert.deepEqual(ids.slice(-2), ["new-1", "new-3"]);
    assert.equal(new Set(ids).size, ids.length);
  });
});
