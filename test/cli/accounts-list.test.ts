import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import Database from "better-sqlite3";
import { z } from "zod";
import { useZone } from "../store/zones.ts";
import { patient } from "../support/patience.ts";
import { accountsToml, seedAccounts } from "./accounts-seed.ts";
import { createWorkplace, hour, inWorkplace, now, type Workplace } from "./workplace.ts";

before(() => useZone("UTC"));
after(() => useZone(undefined));

const time = z.iso.datetime();
const listing = z.strictObject({
  accounts: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string(),
      type: z.enum(["claude-api", "claude-oauth", "gemini-api", "gemini", "openai-responses"]),
      family: z.enum(["claude", "gemini", "openai"]),
      priority: z.int(),
      enabled: z.boolean(),
      state: z.enum(["ready", "cooldown", "disabled", "needs-login"]),
      reason: z.string().nullable(),
      until: time.nullable(),
      last_used_at: time.nullable(),
      windows: z.array(
        z.strictObject({
          name: z.string(),
          utilization: z.number().nullable(),
          resets_at: time.nullable(),
          status: z.string().nullable(),
        }),
      ),
      requests_24h: z.int(),
      tokens_24h: z.int(),
      cost_usd_24h: z.number().nullable(),
    }),
  ),
});

const at80 = `claude-max, Work (claude-oauth, priority 200)
  ✓ ready
  ! opus is in cooldown: the weekly limit is used up, until Mon 18:00 (in 1d 6h)
  ! used last: the window overage is in use
  5h       ███████████▎░░░░░░░░   56%  resets in 2h 14m
  7d       ████████████████▎░░░   81%  resets in 3d 4h, allowed warning
  7d_oi    ████████████████████  102%  resets in 3d 4h, rejected
  overage                              in-use
  3 requests, 1.2M tokens and $0.27 in the last 24 h, last used 4m ago

claude-spare (claude-oauth, priority 50)
  ! in cooldown until 13:35 (in 1h 35m)
    Your credit balance is too low to access the Anthropic API. Please purchase
    credits.
  5h       ░░░░░░░░░░░░░░░░░░░░        was reset 40m ago
  no requests in the last 24 h, last used 2d ago
  - to end its cooldown now, run: cc-relay accounts enable claude-spare

gemini-1 (gemini-api, priority 100)
  ○ disabled
  no requests in the last 24 h, never used
  - to use it again, run: cc-relay accounts enable gemini-1

openai-1 (openai-responses, priority 100)
  ✗ needs login
    Incorrect API key provided: sk-proj-***; tried again in 36m
  no requests in the last 24 h, never used
  - to log in again, run: cc-relay login openai --id openai-1 --api-key

4 accounts: 1 ready, 1 in cooldown, 1 needs login, 1 disabled
`;

const painted = `[1mclaude-max[22m, Work [2m(claude-oauth, priority 200)[22m
  [32m✓[39m ready
  [33m![39m opus is in cooldown: the weekly limit is used up, until Mon 18:00 (in 1d 6h)
  [33m![39m used last: the window overage is in use
  5h       [32m███████████▎░░░░░░░░[39m   56%  resets in 2h 14m
  7d       [33m████████████████▎░░░[39m   81%  resets in 3d 4h, allowed warning
  7d_oi    [31m████████████████████[39m  102%  resets in 3d 4h, rejected
  overage                              [31min-use[39m
  3 requests, 1.2M tokens and $0.27 in the last 24 h, last used 4m ago

[1mclaude-spare[22m [2m(claude-oauth, priority 50)[22m
  [33m![39m in cooldown until 13:35 (in 1h 35m)
    Your credit balance is too low to access the Anthropic API. Please purchase
    credits.
  5h       [2m░░░░░░░░░░░░░░░░░░░░[22m        was reset 40m ago
  no requests in the last 24 h, last used 2d ago
  - to end its cooldown now, run: cc-relay accounts enable claude-spare

[1mgemini-1[22m [2m(gemini-api, priority 100)[22m
  [2m○[22m disabled
  no requests in the last 24 h, never used
  - to use it again, run: cc-relay accounts enable gemini-1

[1mopenai-1[22m [2m(openai-responses, priority 100)[22m
  [31m✗[39m needs login
    Incorrect API key provided: sk-proj-***; tried again in 36m
  no requests in the last 24 h, never used
  - to log in again, run: cc-relay login openai --id openai-1 --api-key

[2m4 accounts: 1 ready, 1 in cooldown, 1 needs login, 1 disabled[22m
`.replaceAll("[", "\u001b[");

describe("accounts list", () => {
  let place: Workplace;
  before(async () => {
    place = await createWorkplace(accountsToml);
    await place.store(seedAccounts);
  });
  after(() => place.close());

  const list = (screen: object) => place.type("accounts list", { screen });

  it("shows a block per account at 80 columns, in the order in which they are tried", async () => {
    const result = await list({ isTerminal: true, width: 80 });
    assert.deepEqual(result, { stdout: at80, stderr: "", code: 0 });
  });

  it("has longer bars and lines at 120 columns", async () => {
    const expected = at80
      .replace("███████████▎░░░░░░░░ ", "████████████████▊░░░░░░░░░░░░░ ")
      .replace("████████████████▎░░░ ", "████████████████████████▎░░░░░ ")
      .replace("████████████████████ ", "██████████████████████████████ ")
      .replace("░░░░░░░░░░░░░░░░░░░░ ", "░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ ")
      .replace(/overage {5,}/, `overage${" ".repeat(40)}`)
      .replace("purchase\n    credits", "purchase credits");
    assert.equal((await list({ isTerminal: true, width: 120 })).stdout, expected);
  });

  it("repeats in colour what the words and signs say", async () => {
    assert.equal((await list({ isTerminal: true, width: 80, colour: true })).stdout, painted);
  });

  it("draws with ASCII where the terminal has no more", async () => {
    const { stdout } = await list({ isTerminal: true, width: 80, unicode: false });
    assert.match(stdout, /^[\x20-\x7e\n]+$/);
    assert.match(stdout, /\n {2}\+ ready\n/);
    assert.match(stdout, /\n {2}5h {7}#{11}-{9} {3}56% {2}resets in 2h 14m\n/);
    assert.match(stdout, /\n {2}o disabled\n/);
    assert.match(stdout, /\n {2}x needs login\n/);
  });

  it("names the configuration of this call in the commands that it suggests", async () => {
    const { stdout } = await place.type(`--config ${place.configFile} accounts list`, {
      screen: { isTerminal: true },
    });
    const commands = stdout.split("\n").filter((line) => line.includes("run: "));
    assert.equal(commands.length, 3);
    for (const command of commands) {
      assert.ok(command.includes(`run: cc-relay --config ${place.configFile} `), command);
    }
  });

  it("keeps every line within a narrow terminal", async () => {
    const { stdout } = await list({ isTerminal: true, width: 60 });
    const drawn = stdout.split("\n").filter((line) => !line.startsWith("  - "));
    assert.deepEqual(
      drawn.filter((line) => line.length > 60),
      [],
    );
  });

  it("is one line of tab-separated values per account in a pipe", async () => {
    assert.deepEqual(await list({ isTerminal: false }), {
      stdout: [
        "openai-1\topenai-responses\t100\tneeds-login\t2026-11-22T12:36:00Z\tIncorrect API key provided: sk-proj-***\t\t0\t0\t0\n",
        "claude-spare\tclaude-oauth\t50\tcooldown\t2026-11-22T13:35:00Z\tYour credit balance is too low to access the Anthropic API. Please purchase credits.",
        "\t5h=0.97@2026-11-22T11:20:00Z requests=0.2@2026-11-22T11:20:00Z\t0\t0\t0\n",
        "claude-max\tclaude-oauth\t200\tready\t2026-11-23T18:00:00Z\topus is in cooldown: the weekly limit is used up, until 2026-11-23T18:00:00Z; used last: the window overage is in use",
        "\t7d=0.81@2026-11-25T16:00:00Z 5h=0.56@2026-11-22T14:14:00Z 7d_oi=1.02@2026-11-25T16:00:00Z overage\t3\t1233690\t0.27072\n",
        "gemini-1\tgemini-api\t100\tdisabled\t\t\t\t0\t0\t0\n",
      ].join(""),
      stderr: "",
      code: 0,
    });
  });

  it("is one JSON document with --json, also on a terminal", async () => {
    const result = await place.type("accounts list --json", { screen: { isTerminal: true, colour: true } });
    assert.equal(result.stderr, "");
    const { accounts } = listing.parse(JSON.parse(result.stdout));
    assert.deepEqual(
      accounts.map(({ id, state }) => [id, state]),
      [
        ["openai-1", "needs-login"],
        ["claude-spare", "cooldown"],
        ["claude-max", "ready"],
        ["gemini-1", "disabled"],
      ],
    );
    assert.deepEqual(accounts[2], {
      id: "claude-max",
      name: "Work",
      type: "claude-oauth",
      family: "claude",
      priority: 200,
      enabled: true,
      state: "ready",
      reason:
        "opus is in cooldown: the weekly limit is used up, until 2026-11-23T18:00:00Z; used last: the window overage is in use",
      until: "2026-11-23T18:00:00Z",
      last_used_at: "2026-11-22T11:56:00Z",
      windows: [
        {
          name: "7d",
          utilization: 0.81,
          resets_at: "2026-11-25T16:00:00Z",
          status: "allowed_warning",
        },
        { name: "5h", utilization: 0.56, resets_at: "2026-11-22T14:14:00Z", status: "allowed" },
        { name: "7d_oi", utilization: 1.02, resets_at: "2026-11-25T16:00:00Z", status: "rejected" },
        { name: "overage", utilization: null, resets_at: null, status: "in-use" },
      ],
      requests_24h: 3,
      tokens_24h: 1_233_690,
      cost_usd_24h: 0.27072,
    });
    assert.deepEqual(accounts[3], {
      id: "gemini-1",
      name: "gemini-1",
      type: "gemini-api",
      family: "gemini",
      priority: 100,
      enabled: false,
      state: "disabled",
      reason: null,
      until: null,
      last_used_at: null,
      windows: [],
      requests_24h: 0,
      tokens_24h: 0,
      cost_usd_24h: 0,
    });
  });

  it("shows an account as ready once its cooldown is over", async () => {
    const { stdout } = await place.type("accounts list --json", { at: now + 2 * hour });
    const states = listing.parse(JSON.parse(stdout)).accounts.map(({ state }) => state);
    assert.deepEqual(states, ["ready", "ready", "ready", "disabled"]);
  });

  it("shows no secret in any form", async () => {
    for (const screen of [{ isTerminal: true }, { isTerminal: false }]) {
      for (const line of ["accounts list", "accounts list --json"]) {
        const { stdout, stderr } = await place.type(line, { screen });
        assert.doesNotMatch(stdout + stderr, /never-?shown/i);
      }
    }
  });

  it("neither writes to the database nor waits for a process that does", async () => {
    const bytes = readFileSync(place.database);
    const writer = new Database(place.database);
    try {
      writer.exec("BEGIN IMMEDIATE; DELETE FROM cooldowns");
      const started = performance.now();
      assert.equal((await list({ isTerminal: true, width: 80 })).stdout, at80);
      assert.ok(performance.now() - started < patient(1000));
      writer.exec("ROLLBACK");
    } finally {
      writer.close();
    }
    assert.deepEqual(readFileSync(place.database), bytes);
  });
});

describe("accounts list with nothing to see", () => {
  it("has zeros for every account without a database, and creates none", async () => {
    await inWorkplace(accountsToml, async (place) => {
      const { stdout, code } = await place.type("accounts list --json");
      const { accounts } = listing.parse(JSON.parse(stdout));
      assert.equal(code, 0);
      assert.deepEqual(
        accounts.map(({ state, requests_24h, tokens_24h }) => [state, requests_24h, tokens_24h]),
        [
          ["ready", 0, 0],
          ["ready", 0, 0],
          ["ready", 0, 0],
          ["disabled", 0, 0],
        ],
      );
      assert.deepEqual(readdirSync(place.folder), ["config.toml"]);
    });
  });

  it("says how to add an account without a configuration file", async () => {
    await inWorkplace(undefined, async (place) => {
      for (const isTerminal of [true, false]) {
        assert.deepEqual(await place.type("accounts list", { screen: { isTerminal } }), {
          stdout: "",
          stderr: "no accounts yet\n  - to add one, run: cc-relay login claude\n",
          code: 0,
        });
      }
      assert.deepEqual(await place.type("accounts list --json"), {
        stdout: '{\n  "accounts": []\n}\n',
        stderr: "",
        code: 0,
      });
      assert.equal(existsSync(place.database), false);
    });
  });

  it("lists accounts whose key is in a variable that is not set here", async () => {
    const toml = '[[accounts]]\ntype = "claude-api"\nid = "claude-1"\napi_key_env = "SET_FOR_THE_DAEMON"\n';
    await inWorkplace(toml, async (place) => {
      assert.equal(
        (await place.type("accounts list")).stdout,
        "claude-1\tclaude-api\t100\tready\t\t\t\t0\t0\t0\n",
      );
    });
  });

  it("names the problems of a broken configuration and exits 1", async () => {
    await inWorkplace('[[accounts]]\ntype = "claude-api"\nid = "claude-1"\n', async (place) => {
      const { stdout, stderr, code } = await place.type("accounts list");
      assert.deepEqual([stdout, code], ["", 1]);
      assert.match(stderr, /api_key/);
    });
  });

  it("says what is wrong with a file that is no database", async () => {
    await inWorkplace(`server.database_path = "relay.db"\n${accountsToml}`, async (place) => {
      await writeFile(
        `${place.folder}/relay.db`,
        "this is a letter to my grandmother, and it is long enough",
      );
      const { stdout, stderr, code } = await place.type("accounts list");
      assert.deepEqual([stdout, code], ["", 1]);
      assert.match(stderr, /^✗ .*relay\.db is not a SQLite database\n {2}- /);
    });
  });

  it("sends a person who types only `accounts` to the help", async () => {
    await inWorkplace(undefined, async (place) => {
      const { stdout, stderr, code } = await place.type("accounts");
      assert.deepEqual([stdout, code], ["", 2]);
      assert.match(stderr, /^Usage: cc-relay accounts /);
    });
  });
});
