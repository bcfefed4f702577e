import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import Database from "better-sqlite3";
import { z } from "zod";
import { footnotes } from "../../src/cli/usage/footnotes.ts";
import type { UsageSummaryRow } from "../../src/store/usage-store.ts";
import { noTokens } from "../../src/usage/observer.ts";
import { tokens, usageRow } from "../store/rows.ts";
import { useZone } from "../store/zones.ts";
import { seedUsage, usageToml } from "./usage-seed.ts";
import { createWorkplace, day, hour, inWorkplace, now, type Workplace } from "./workplace.ts";

before(() => useZone("UTC"));
after(() => useZone(undefined));

const row = z.strictObject({
  key: z.string(),
  requests: z.int(),
  errors: z.int(),
  input_tokens: z.int(),
  output_tokens: z.int(),
  cache_creation_tokens: z.int(),
  cache_read_tokens: z.int(),
  reasoning_tokens: z.int(),
  cost_usd: z.number().nullable(),
  sent_model: z.string().optional(),
});
const report = z.strictObject({
  since: z.iso.datetime(),
  until: z.iso.datetime(),
  by: z.enum(["day", "account", "model", "client", "family"]),
  rows: z.array(row),
  total: row,
});

const byDayAt80 = `from 2026-11-15 12:00 until now, by day

                                       CACHE  CACHE
DAY         REQS  ERRS  INPUT  OUTPUT  WRITE   READ     COST  TOKENS
2026-11-17     1     0     1M    500k   200k    20M   $19.00  ██████████████████
2026-11-20     2     1   251k    100k      0      0    $3.00  ▎
2026-11-22     4     1     5M      4k      0    90k   ≥$0.07  ████▎
──────────  ────  ────  ─────  ──────  ─────  ─────  ───────  ──────────────────
total          7     2   6.3M    604k   200k    20M  ≥$22.08

≥ 1 request has no known price or usage and is not in the cost; to see which,
  run: cc-relay usage --by model
* claude-max is a subscription: the cost is a list value, not what is billed
`;

const byModelAt120 = `from 2026-11-15 12:00 until now, by model

                                                     CACHE  CACHE
MODEL               REQUESTS  ERRORS  INPUT  OUTPUT  WRITE   READ     COST  TOKENS
claude-opus-5-5            4       1   1.3M    600k   200k    20M   $22.01  ████████████████████████████████████████
(none)                     1       1      0       0      0      0    $0.00
claude-house-model         1       0     5M       0      0      0  unknown  █████████▏
gpt-6.1-sol                1       0    10k      4k      0    90k    $0.07  ▎
──────────────────  ────────  ──────  ─────  ──────  ─────  ─────  ───────  ────────────────────────────────────────
total                      7       2   6.3M    604k   200k    20M  ≥$22.08

≥ 1 request has no known price and is not in the cost
* claude-max is a subscription: the cost is a list value, not what is billed
`;

const painted = `[2mfrom 2026-11-15 12:00 until now, by account[22m

                                         [1mCACHE[22m  [1mCACHE[22m
[1mACCOUNT[22m       [1mREQS[22m  [1mERRS[22m  [1mINPUT[22m  [1mOUTPUT[22m  [1mWRITE[22m   [1mREAD[22m     [1mCOST[22m  [1mTOKENS[22m
claude-1         4     [31m1[39m   5.3M    100k      0      0   ≥$3.01  [36m████[39m
(none)           1     [31m1[39m      0       0      0      0    $0.00
claude-max *     1     0     1M    500k   200k    20M   $19.00  [36m████████████████[39m
openai-1         1     0    10k      4k      0    90k    $0.07  [36m▏[39m
[2m────────────  ────  ────  ─────  ──────  ─────  ─────  ───────  ────────────────[22m
total            7     [31m2[39m   6.3M    604k   200k    20M  ≥$22.08

[2m≥ 1 request has no known price or usage and is not in the cost; to see which,[22m
[2m  run: cc-relay usage --by model[22m
[2m* claude-max is a subscription: the cost is a list value, not what is billed[22m
`.replaceAll("[", "\u001b[");

describe("usage", () => {
  let place: Workplace;
  before(async () => {
    place = await createWorkplace(usageToml);
    await place.store(seedUsage);
  });
  after(() => place.close());

  const type = (line: string, screen: object = { isTerminal: true, width: 80 }) =>
    place.type(line, { screen });

  it("shows the last seven days by day, with a bar per row, a total and what has to be known", async () => {
    assert.deepEqual(await type("usage"), { stdout: byDayAt80, stderr: "", code: 0 });
  });

  it("leaves out cache and bars on a terminal of 60, and fits it", async () => {
    const { stdout } = await type("usage --by model", { isTerminal: true, width: 60 });
    const [, , header, first] = stdout.split("\n");
    assert.equal(header, "MODEL               REQS  ERRS  INPUT  OUTPUT     COST");
    assert.equal(first, "claude-opus-5-5        4     1   1.3M    600k   $22.01");
    const [table = ""] = stdout.split("\n\n≥");
    assert.deepEqual(
      table.split("\n").filter((line) => line.length > 60),
      [],
    );
  });

  it("writes the titles out and draws longer bars at 120 columns", async () => {
    const result = await type("usage --by model", { isTerminal: true, width: 120 });
    assert.deepEqual(result, { stdout: byModelAt120, stderr: "", code: 0 });
  });

  it("marks subscriptions, and repeats in colour what the words say", async () => {
    const { stdout } = await type("usage --by account", { isTerminal: true, width: 80, colour: true });
    assert.equal(stdout, painted);
  });

  it("draws with ASCII where the terminal has no more", async () => {
    const { stdout } = await type("usage", { isTerminal: true, width: 80, unicode: false });
    assert.match(stdout, /^[\x20-\x7e\n]+$/);
    assert.match(stdout, /\n2026-11-22 .* >\$0\.07 {2}####\n/);
    assert.match(stdout, /\n> 1 request has no known price/);
  });

  it("is tab-separated exact figures in a pipe, and the notes go to standard error", async () => {
    assert.deepEqual(await type("usage --by model", { isTerminal: false }), {
      stdout: `claude-opus-5-5\t4\t1\t1251500\t600010\t200000\t20000000\t22.0062
(none)\t1\t1\t0\t0\t0\t0\t0
claude-house-model\t1\t0\t5000000\t0\t0\t0\tunknown
gpt-6.1-sol\t1\t0\t10000\t4000\t0\t90000\t0.069
total\t7\t2\t6261500\t604010\t200000\t20090000\t22.0752
`,
      stderr:
        "1 request has no known price and is not in the cost\n" +
        "claude-max is a subscription: the cost is a list value, not what is billed\n",
      code: 0,
    });
  });

  it("is one JSON document with --json, an unknown cost null", async () => {
    const result = await type("usage --by model --json", { isTerminal: true, colour: true });
    assert.deepEqual([result.stderr, result.code], ["", 0]);
    const { rows, ...rest } = report.parse(JSON.parse(result.stdout));
    assert.deepEqual(
      rows.map(({ key, cost_usd }) => [key, cost_usd]),
      [
        ["claude-opus-5-5", 22.0062],
        ["(none)", 0],
        ["claude-house-model", null],
        ["gpt-6.1-sol", 0.069],
      ],
    );
    assert.deepEqual(rest, {
      since: "2026-11-15T12:00:00Z",
      until: "2026-11-22T12:00:00Z",
      by: "model",
      total: {
        key: "total",
        requests: 7,
        errors: 2,
        input_tokens: 6_261_500,
        output_tokens: 604_010,
        cache_creation_tokens: 200_000,
        cache_read_tokens: 20_090_000,
        reasoning_tokens: 3000,
        cost_usd: 22.0752,
      },
    });
  });

  it("has the rows that --by asks for", async () => {
    const keys = async (line: string) =>
      report.parse(JSON.parse((await type(`${line} --json`)).stdout)).rows.map(({ key }) => key);
    assert.deepEqual(await keys("usage"), ["2026-11-17", "2026-11-20", "2026-11-22"]);
    assert.deepEqual(await keys("usage --by account"), ["claude-1", "(none)", "claude-max", "openai-1"]);
    assert.deepEqual(await keys("usage --by client"), ["laptop", "ci"]);
    assert.deepEqual(await keys("usage --by family"), ["claude", "openai"]);
    assert.deepEqual(await keys("usage --since 2026-11-20 --until 2026-11-20 --by client"), ["ci", "laptop"]);
    assert.deepEqual(await keys("usage --since 3h --by account"), ["claude-1", "(none)", "openai-1"]);
  });

  it("takes days for local ones", async () => {
    useZone("Pacific/Kiritimati"); // 14 hours ahead
    try {
      const { rows } = report.parse(JSON.parse((await type("usage --json")).stdout));
      assert.deepEqual(
        rows.map(({ key }) => key),
        ["2026-11-18", "2026-11-21", "2026-11-23"],
      );
    } finally {
      useZone("UTC");
    }
  });

  it("is CSV with a header and no total with --csv, also on a terminal", async () => {
    assert.deepEqual(await type("usage --by model --csv"), {
      stdout: [
        "key,requests,errors,input_tokens,output_tokens,cache_creation_tokens,cache_read_tokens,reasoning_tokens,cost_usd",
        "claude-opus-5-5,4,1,1251500,600010,200000,20000000,0,22.0062",
        "(none),1,1,0,0,0,0,0,0",
        "claude-house-model,1,0,5000000,0,0,0,0,unknown",
        "gpt-6.1-sol,1,0,10000,4000,0,90000,3000,0.069",
        "",
      ].join("\r\n"),
      stderr:
        "1 request has no known price and is not in the cost\n" +
        "claude-max is a subscription: the cost is a list value, not what is billed\n",
      code: 0,
    });
  });

  it("says nothing of subscriptions that were not used in the period", async () => {
    const { stderr } = await type("usage --since 2d", { isTerminal: false });
    assert.doesNotMatch(stderr, /subscription/);
  });

  it("neither writes to the database nor waits for a process that does", async () => {
    const bytes = readFileSync(place.database);
    const writer = new Database(place.database);
    try {
      writer.exec("BEGIN IMMEDIATE; DELETE FROM usage");
      assert.equal((await type("usage")).stdout, byDayAt80);
      writer.exec("ROLLBACK");
    } finally {
      writer.close();
    }
    assert.deepEqual(readFileSync(place.database), bytes);
  });
});

describe("usage with nothing to show", () => {
  const nothing =
    "no usage from 2026-11-15 12:00 until now\n  - to look further back, run: cc-relay usage --since 30d\n";

  it("is said on standard error, with or without a file, and no database is created", async () => {
    for (const toml of [undefined, usageToml]) {
      await inWorkplace(toml, async (place) => {
        for (const isTerminal of [true, false]) {
          const result = await place.type("usage", { screen: { isTerminal } });
          assert.deepEqual(result, { stdout: "", stderr: nothing, code: 0 });
        }
        assert.equal(existsSync(place.database), false);
      });
    }
  });

  it("is an empty document with --json, and a header alone with --csv", async () => {
    await inWorkplace(undefined, async (place) => {
      const json = await place.type("usage --json --by family --since 2026-01-01 --until 2026-01-31");
      assert.deepEqual([json.stderr, json.code], ["", 0]);
      assert.deepEqual(report.parse(JSON.parse(json.stdout)), {
        since: "2026-01-01T00:00:00Z",
        until: "2026-02-01T00:00:00Z",
        by: "family",
        rows: [],
        total: {
          key: "total",
          requests: 0,
          errors: 0,
          input_tokens: 0,
          output_tokens: 0,
          cache_creation_tokens: 0,
          cache_read_tokens: 0,
          reasoning_tokens: 0,
          cost_usd: 0,
        },
      });
      const csv = await place.type("usage --csv");
      assert.equal(
        csv.stdout,
        "key,requests,errors,input_tokens,output_tokens,cache_creation_tokens,cache_read_tokens,reasoning_tokens,cost_usd\r\n",
      );
      assert.equal(csv.stderr, nothing);
    });
  });

  it("suggests to start the relay where looking further back would not help", async () => {
    await inWorkplace(undefined, async (place) => {
      assert.equal(
        (await place.type("usage --since 90d")).stderr,
        "no usage from 2026-08-24 12:00 until now\n" +
          "  - what goes through the relay is counted; to start it, run: cc-relay serve\n",
      );
    });
  });
});

describe("usage in odd cases", () => {
  let place: Workplace;
  before(async () => {
    place = await createWorkplace(undefined);
    await place.store(async (store) => {
      const names = ['a "quoted", one', "two\nlines\tand a tab", "\u001b[31mred", "=1+1"];
      for (const [index, model] of names.entries()) {
        const time = now - hour - index;
        await store.usage.record(usageRow(`odd-${index}`, { model, time, tokens: tokens({ input: 1 }) }));
      }
    });
  });
  after(() => place.close());

  it("quotes as RFC 4180 says, and leaves a spreadsheet no formula and a terminal no escape sequence", async () => {
    const { stdout } = await place.type("usage --by model --csv");
    assert.deepEqual(
      stdout.split("\r\n").slice(1, -1).sort(),
      [
        '"a ""quoted"", one",1,0,1,0,0,0,0,unknown',
        '"two\nlines\tand a tab",1,0,1,0,0,0,0,unknown',
        "'=1+1,1,0,1,0,0,0,0,unknown",
        "\ufffd[31mred,1,0,1,0,0,0,0,unknown",
      ].sort(),
    );
  });

  it("keeps a row on its line, and the terminal as it is", async () => {
    const { stdout } = await place.type("usage --by model", { screen: { isTerminal: true, width: 80 } });
    assert.doesNotMatch(stdout, /[^\P{Cc}\n]/u);
    assert.match(stdout, /^two lines and a tab +1 /m);
    const piped = await place.type("usage --by model");
    assert.equal(piped.stdout.split("\n").length, 6);
  });

  it("has a row for each name under which a model was sent, in every form", async () => {
    const others = await createWorkplace(undefined);
    try {
      await others.store(async ({ usage }) => {
        const rows = [{}, { sentModel: "glm-5.2" }, { sentModel: "=glm" }, { sentModel: "glm-5.2" }];
        for (const [index, row] of rows.entries()) {
          const used = { time: now - hour - index, tokens: tokens({ input: 1 }) };
          await usage.record(usageRow(`sent-${index}`, { ...used, ...row }));
        }
      });
      const piped = await others.type("usage --by model");
      assert.deepEqual(
        piped.stdout.split("\n").map((line) => line.split("\t").slice(0, 2)),
        [
          ["claude-opus-5-5 as glm-5.2", "2"],
          ["claude-opus-5-5", "1"],
          ["claude-opus-5-5 as =glm", "1"],
          ["total", "4"],
          [""],
        ],
      );
      const terminal = await others.type("usage --by model", { screen: { isTerminal: true, width: 100 } });
      assert.match(terminal.stdout, /^claude-opus-5-5 as glm-5\.2 +2 /m);
      const json = report.parse(JSON.parse((await others.type("usage --by model --json")).stdout));
      assert.deepEqual(
        json.rows.map(({ key, sent_model, requests }) => [key, sent_model, requests]),
        [
          ["claude-opus-5-5", "glm-5.2", 2],
          ["claude-opus-5-5", undefined, 1],
          ["claude-opus-5-5", "=glm", 1],
        ],
      );
      const csv = (await others.type("usage --by model --csv")).stdout.split("\r\n");
      assert.deepEqual(
        csv.slice(0, -1).map((line) => line.replace(/^([^,]*),.*,/, "$1 … ")),
        ["key … sent_model", "claude-opus-5-5 … glm-5.2", "claude-opus-5-5 … ", "claude-opus-5-5 … '=glm"],
      );
    } finally {
      await others.close();
    }
  });

  it("says unknown for a total of which nothing has a price", async () => {
    const { stdout, stderr } = await place.type("usage --by family");
    assert.equal(stdout, "claude\t4\t0\t4\t0\t0\t0\tunknown\ntotal\t4\t0\t4\t0\t0\t0\tunknown\n");
    assert.equal(
      stderr,
      "4 requests have no known price or usage and are not in the cost; to see which, run: cc-relay usage --by model\n",
    );
  });

  it("names requests of unknown usage as that", () => {
    const row = { key: "a", requests: 2, errors: 0, tokens: noTokens, costUsd: undefined, unpriced: 2 };
    const measured = { ...row, key: "b", tokens: { ...noTokens, input: 5 }, costUsd: 1, unpriced: 0 };
    const priceless = { ...row, key: "c", tokens: { ...noTokens, input: 5 }, requests: 1, unpriced: 1 };
    const factsOf = (...rows: UsageSummaryRow[]) =>
      footnotes(
        {
          ...{ by: "model", since: 0, until: 1, untilNow: true, subscriptions: [] },
          summary: { rows, total: { ...measured, key: "total" } },
        },
        { unicode: true },
      ).map(({ fact }) => fact);
    assert.deepEqual(factsOf(row, measured), ["2 requests of unknown usage are not in the cost"]);
    assert.deepEqual(factsOf({ ...row, unpriced: 1, requests: 1 }, priceless), [
      "1 request of unknown usage is not in the cost",
      "1 request has no known price and is not in the cost",
    ]);
    assert.deepEqual(factsOf({ ...measured, unpriced: 3 }), [
      "3 requests have no known price or usage and are not in the cost",
    ]);
  });

  const wrong: [string, RegExp][] = [
    [
      "usage --since yesterday",
      /^✗ --since: 'yesterday' is no point in time\n {2}- write a distance \(30m, /,
    ],
    ["usage --until 32h5", /^✗ --until: '32h5' is no point in time\n/],
    ["usage --since 1d --until 2d", /^✗ --until does not lie after --since\n/],
    ["usage --by week", /^✗ --by: 'week' is not one of day, account, model, client, family\n/],
    ["usage --json --csv", /^✗ option '--json' cannot be used with option '--csv'\n/],
    ["usage today", /^✗ too many arguments/],
  ];
  for (const [line, expected] of wrong) {
    it(`${line} exits 2 and says what is accepted`, async () => {
      const { stdout, stderr, code } = await place.type(line);
      assert.deepEqual([stdout, code], ["", 2]);
      assert.match(stderr, expected);
    });
  }

  it("names three subscriptions and counts the others", async () => {
    const ids = ["max-1", "max-2", "max-3", "max-4", "max-5"];
    const crowd = await createWorkplace(
      ids
        .map((id) => `[[accounts]]\ntype = "claude-oauth"\nid = "${id}"\nrefresh_token = "t-${id}"\n`)
        .join("\n"),
    );
    try {
      await crowd.store(async (store) => {
        for (const id of ids) await store.usage.record(usageRow(id, { account: id, time: now - day }));
      });
      assert.equal(
        (await crowd.type("usage")).stderr,
        "max-1, max-2, max-3 and 2 others are subscriptions: the cost is a list value, not what is billed\n",
      );
    } finally {
      await crowd.close();
    }
  });
});
