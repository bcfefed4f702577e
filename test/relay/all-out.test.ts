// When no account is left: which reason decides, what the client is answered, and when it may come back.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { CooldownKind } from "../../src/accounts/account.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { type ClientAnswer, send } from "../support/client.ts";
import { geminiFailures } from "../support/gemini-script.ts";
import { openaiFailures } from "../support/openai-script.ts";
import { setStage } from "../support/stage.ts";
import { startUpstream } from "../support/upstream.ts";
import { cases, type DialectCase } from "./cases.ts";

interface Told {
  status: number;
  code: string;
  /** Seconds; undefined: no such header. */
  retryAfter: number | undefined;
  shouldRetry: string | undefined;
}

/** Accounts that are in cooldown for these reasons and so many seconds. */
type InCooldown = readonly (readonly [CooldownKind, number])[];

const table: readonly [string, InCooldown, Partial<Record<keyof typeof cases, Told>>][] = [
  [
    "limits: the earliest return",
    [
      ["rate-limited", 7200],
      ["rate-limited", 3600],
    ],
    { claude: { status: 429, code: "all_limited", retryAfter: 3600, shouldRetry: "false" } },
  ],
  [
    "a limit that ends within a minute",
    [["rate-limited", 40]],
    {
      claude: { status: 429, code: "all_limited", retryAfter: 40, shouldRetry: undefined },
      openai: { status: 429, code: "all_limited", retryAfter: 40, shouldRetry: undefined },
      gemini: { status: 429, code: "all_limited", retryAfter: 40, shouldRetry: undefined },
      chat: { status: 429, code: "all_limited", retryAfter: 40, shouldRetry: undefined },
    },
  ],
  [
    "capacity that is back before the limit",
    [
      ["rate-limited", 7200],
      ["capacity", 20],
    ],
    {
      claude: { status: 529, code: "over_capacity", retryAfter: 20, shouldRetry: undefined },
      openai: { status: 503, code: "over_capacity", retryAfter: 20, shouldRetry: undefined },
      gemini: { status: 503, code: "over_capacity", retryAfter: 20, shouldRetry: undefined },
      chat: { status: 503, code: "over_capacity", retryAfter: 20, shouldRetry: undefined },
    },
  ],
  [
    "a limit that is back before capacity",
    [
      ["rate-limited", 10],
      ["server-error", 50],
    ],
    { claude: { status: 429, code: "all_limited", retryAfter: 10, shouldRetry: undefined } },
  ],
  [
    "a limit beside refused credentials",
    [
      ["unauthorized", 60],
      ["rate-limited", 7200],
    ],
    { claude: { status: 429, code: "all_limited", retryAfter: 7200, shouldRetry: "false" } },
  ],
  [
    "credentials only",
    [
      ["unauthorized", 60],
      ["account-out", 30],
    ],
    {
      claude: { status: 503, code: "needs_login", retryAfter: undefined, shouldRetry: "false" },
      openai: { status: 503, code: "needs_login", retryAfter: undefined, shouldRetry: "false" },
      gemini: { status: 503, code: "needs_login", retryAfter: undefined, shouldRetry: "false" },
      chat: { status: 503, code: "needs_login", retryAfter: undefined, shouldRetry: "false" },
    },
  ],
  [
    "a limit beside a model that is denied",
    [
      ["model-denied", 60],
      ["rate-limited", 7200],
    ],
    { claude: { status: 429, code: "all_limited", retryAfter: 7200, shouldRetry: "false" } },
  ],
];

/** The whole sentence, with the time left out. */
const sentences: readonly [string, InCooldown, string][] = [
  [
    "limits",
    [
      ["rate-limited", 7200],
      ["rate-limited", 3600],
    ],
    "Every Claude account is at its limit until TIME, a1 is back first; wait, or add an account with `cc-relay login claude`.",
  ],
  [
    "a limit and a refused credential",
    [
      ["unauthorized", 60],
      ["rate-limited", 7200],
    ],
    "No Claude account can answer until TIME, when the limit of a1 ends; wait, or add an account with `cc-relay login claude`.",
  ],
  [
    "faults of several kinds",
    [
      ["server-error", 40],
      ["proxy", 20],
    ],
    "The provider does not answer on any Claude account (the reason of a1); try again after TIME.",
  ],
  [
    "a limit and a fault",
    [
      ["rate-limited", 7200],
      ["proxy", 20],
    ],
    "No Claude account can answer, and a1 is back first (the reason of a1); try again after TIME.",
  ],
];

async function ask(t: TestContext, dialect: DialectCase, inCooldown: InCooldown): Promise<ClientAnswer> {
  const { upstream, relay } = await setStage(t, {
    type: dialect.type,
    ids: inCooldown.map((_, index) => `a${index}`),
  });
  const now = Date.now();
  for (const [index, [kind, seconds]] of inCooldown.entries()) {
    await relay.store.accounts.saveCooldown({
      accountId: `a${index}`,
      scope: "",
      since: now,
      until: now + seconds * 1000,
      kind,
      reason: `the reason of a${index}`,
      settings: undefined,
      probedAt: now,
    });
  }
  await relay.restart();
  const answer = await send(relay.url, dialect.request());
  assert.equal(upstream.requests.length, 0);
  return answer;
}

async function tell(t: TestContext, dialect: DialectCase, inCooldown: InCooldown): Promise<Told> {
  const now = Date.now();
  const answer = await ask(t, dialect, inCooldown);
  const wait = answer.header("retry-after");
  // The restart took a moment.
  const begun = (Date.now() - now) / 1000;
  return {
    status: answer.status,
    code: answer.header("x-cc-relay-error") ?? "",
    retryAfter: wait === undefined ? undefined : Math.ceil(Number(wait) + begun - 1),
    shouldRetry: answer.header("x-should-retry"),
  };
}

for (const [name, inCooldown, expected] of table) {
  test(`says ${name}`, async (t) => {
    for (const [dialect, told] of Object.entries(expected)) {
      const { retryAfter, ...said } = await tell(t, cases[dialect as keyof typeof cases], inCooldown);
      const { retryAfter: wanted, ...rest } = told;
      assert.deepEqual(said, rest, dialect);
      if (wanted === undefined) assert.equal(retryAfter, undefined);
      else assert.ok(Math.abs(retryAfter! - wanted) <= 1, `${dialect}: ${retryAfter} s instead of ${wanted}`);
    }
  });
}

for (const [name, inCooldown, sentence] of sentences) {
  test(`${name}: no more is said of all accounts than is true of all`, async (t) => {
    const { error } = (await ask(t, cases.claude, inCooldown)).json() as { error: { message: string } };
    assert.equal(error.message.replace(/20\S+Z \(in [^)]+\)/, "TIME"), sentence);
  });
}

test("a provider that cannot be reached is named, and after three times reported as out of capacity", async (t) => {
  const gone = await startUpstream();
  await gone.close();
  const { relay } = await setStage(t, {
    ids: ["only"],
    accounts: (account) => ({ ...account, apiUrl: gone.url }),
  });
  const codes: (string | undefined)[] = [];
  for (let index = 0; index < 4; index++) {
    const answer = await send(relay.url, cases.claude.request());
    codes.push(answer.header("x-cc-relay-error"));
    assert.match(answer.text, /only|127\.0\.0\.1/);
  }
  assert.deepEqual(codes, ["upstream_unreachable", "upstream_unreachable", "over_capacity", "over_capacity"]);
});

test("limits that are over by the time the last account has answered are reported as limits, to come back to in a second", async (t) => {
  const overAtOnce = [
    [cases.claude, claudeFailures.bucketEmpty(0)],
    [cases.chat, claudeFailures.bucketEmpty(0)],
    [cases.gemini, geminiFailures.perMinute("0s")],
    [cases.openai, openaiFailures.rateLimited(0)],
  ] as const;
  for (const [dialect, limit] of overAtOnce) {
    const { upstream, relay, servedBy } = await setStage(t, { type: dialect.type });
    upstream.on("key-of-first", limit);
    upstream.on("key-of-second", dialect.limited(Date.now() + 7_200_000));
    const answer = await send(relay.url, dialect.request());
    assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [429, "all_limited"], dialect.name);
    assert.deepEqual([answer.header("retry-after"), answer.header("x-should-retry")], ["1", undefined]);
    assert.deepEqual(servedBy(), ["first", "second"]);
  }
});

test("an account that could not be reached may answer the next request, whatever the others' limits are", async (t) => {
  const gone = await startUpstream();
  await gone.close();
  for (const unreachable of ["first", "second"]) {
    const { upstream, relay } = await setStage(t, {
      accounts: (account) => (account.id === unreachable ? { ...account, apiUrl: gone.url } : account),
    });
    upstream.on(() => true, cases.claude.limited(Date.now() + 7_200_000));
    const answer = await send(relay.url, cases.claude.request());
    assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [502, "upstream_unreachable"]);
    assert.match(answer.text, new RegExp(unreachable));
    assert.equal(answer.header("retry-after"), undefined);
  }
});

test("with max_attempts reached the best of what was seen is reported", async (t) => {
  const ids = ["a", "b", "c", "d"];
  const { upstream, relay, servedBy } = await setStage(t, {
    ids,
    configure: (config) => ({ ...config, upstream: { ...config.upstream, maxAttempts: 2 } }),
  });
  upstream.on(() => true, cases.claude.overloaded());
  const answer = await send(relay.url, cases.claude.request());
  assert.equal(answer.status, 529);
  assert.equal(answer.header("x-cc-relay-error"), undefined);
  assert.deepEqual(servedBy(), ["a", "b"]);
});

test("accounts that are at their limit or refused do not count as attempts: a free one behind them answers", async (t) => {
  const ids = ["a", "b", "c", "d", "e", "f"];
  const { upstream, relay, servedBy } = await setStage(t, {
    ids,
    configure: (config) => ({ ...config, upstream: { ...config.upstream, maxAttempts: 2 } }),
  });
  for (const id of ["a", "b", "d"]) {
    upstream.on(`key-of-${id}`, cases.claude.limited(Date.now() + 7_200_000));
  }
  upstream.on("key-of-c", claudeFailures.unauthorized());
  upstream.on("key-of-e", claudeFailures.serverError());
  const answer = await send(relay.url, cases.claude.request());
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(servedBy(), ids);
});

test("a stream that was asked for as a JSON array is answered with one, errors included", async (t) => {
  const { upstream, relay } = await setStage(t, { type: "gemini-api", ids: ["only"] });
  const request = {
    ...cases.gemini.request(),
    path: "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
  };
  upstream.on(() => true, cases.gemini.limited(Date.now() + 7_200_000));
  const answer = await send(relay.url, request);
  const [{ error }] = answer.json() as [{ error: { code: number; status: string } }];
  assert.deepEqual([answer.status, error.code, error.status], [429, 429, "RESOURCE_EXHAUSTED"]);
});

test("an account whose models leave out the one asked for is distinguished from a missing account", async (t) => {
  const { upstream, relay } = await setStage(t, {
    ids: ["haiku"],
    accounts: (account) => ({ ...account, models: ["*haiku*"] }),
  });
  const named = cases.claude.request({ headers: ["x-cc-relay-account", "haiku"] });
  const told = [
    [
      cases.claude.request(),
      /^No enabled Claude account can serve "claude-opus-5-5": their models or model_map /,
    ],
    [cases.chat.request(), /^No enabled Claude account can serve "claude-[^"]+": their models or model_map /],
    [named, /^The account haiku that this request belongs to cannot serve "claude-opus-5-5"/],
  ] as const;
  for (const [request, message] of told) {
    const answer = await send(relay.url, request);
    assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [503, "no_account"]);
    assert.match((answer.json() as { error: { message: string } }).error.message, message);
  }
  assert.equal(upstream.requests.length, 0);
});

test("an operation that no kind of account here has is reported as such, and one that is a matter of keys is not", async (t) => {
  const stage = await setStage(t, { type: "gemini", ids: ["login"] });
  const embed = { path: "/v1beta/models/gemini-embedding-001:embedContent", body: { content: {} } };
  const answer = await send(stage.relay.url, embed);
  assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [501, "not_supported"]);
  assert.equal(answer.header("x-should-retry"), "false");
  assert.match(answer.text, /cc-relay login gemini --api-key/);
  await stage.relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.map((account) => ({ ...account, enabled: false })),
  }));
  assert.equal((await send(stage.relay.url, embed)).header("x-cc-relay-error"), "no_account");
  assert.equal(stage.upstream.requests.length, 0);
});
