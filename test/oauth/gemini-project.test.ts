import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { createDispatchers, type Dispatchers } from "../../src/network/dispatchers.ts";
import { findProject, type ProjectSearch } from "../../src/oauth/gemini-project.ts";
import { describeLoginFailure } from "../../src/oauth/login-failure.ts";
import { createTokenSource, type LoginAccount } from "../../src/oauth/tokens.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { createMemoryTokens } from "../support/memory-tokens.ts";

interface Seen {
  method: string;
  path: string;
  authorization: string | undefined;
  body: unknown;
}

/** A Code Assist endpoint that answers what a test wants, the last answer again and again. */
let answers: [status: number, body: unknown][];
let seen: Seen[];
let server: http.Server;
let apiUrl: string;
let dispatchers: Dispatchers;
let slept: number[];

beforeEach(async () => {
  answers = [];
  seen = [];
  slept = [];
  server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const { method = "", url: path = "", headers } = request;
    seen.push({ method, path, authorization: headers.authorization, body: text && JSON.parse(text) });
    const [status, body] = (answers.length > 1 ? answers.shift() : answers[0]) ?? [500, ""];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  dispatchers = createDispatchers({ connectTimeoutMs: 1000 });
});

afterEach(async () => {
  await dispatchers.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function search(change: Partial<ProjectSearch> = {}) {
  let time = 0;
  return findProject({
    apiUrl,
    accessToken: "access",
    configured: undefined,
    dispatcher: dispatchers.for("g", undefined),
    sleep: async (ms) => {
      slept.push(ms);
      time += ms;
    },
    monotonic: () => time,
    ...change,
  });
}

const metadata = { ideType: "IDE_UNSPECIFIED", platform: "PLATFORM_UNSPECIFIED", pluginType: "GEMINI" };

test("a login with a tier works in the project that Google names, else in the configured one", async () => {
  answers = [[200, { currentTier: { id: "standard-tier" }, cloudaicompanionProject: "theirs" }]];
  assert.deepEqual(await search(), { ok: true, project: "theirs" });
  assert.deepEqual(seen, [
    {
      method: "POST",
      path: "/v1internal:loadCodeAssist",
      authorization: "Bearer access",
      body: { metadata },
    },
  ]);
  answers = [[200, { currentTier: { id: "standard-tier" } }]];
  assert.deepEqual(await search({ configured: "mine" }), { ok: true, project: "mine" });
  assert.deepEqual(seen[1]!.body, {
    cloudaicompanionProject: "mine",
    metadata: { ...metadata, duetProject: "mine" },
  });
  const none = await search();
  assert.ok(!none.ok && none.kind === "refused");
  assert.match(none.detail, /project = "YOUR-PROJECT-ID"/);
});

test("a login without a tier is signed up for the default one, and waited for", async () => {
  answers = [
    [200, { allowedTiers: [{ id: "legacy-tier" }, { id: "free-tier", isDefault: true }] }],
    [200, { name: "operations/abc", done: false }],
    [200, { name: "operations/abc", done: false }],
    [200, { done: true, response: { cloudaicompanionProject: { id: "made", name: "x" } } }],
  ];
  assert.deepEqual(await search({ configured: "mine" }), { ok: true, project: "made" });
  assert.deepEqual(
    seen.map(({ method, path }) => `${method} ${path}`),
    [
      "POST /v1internal:loadCodeAssist",
      "POST /v1internal:onboardUser",
      "GET /v1internal/operations/abc",
      "GET /v1internal/operations/abc",
    ],
  );
  assert.deepEqual(seen[1]!.body, { tierId: "free-tier", metadata }, "the free tier takes no project");
  assert.deepEqual(slept, [5000, 5000]);
});

test("another tier gets the configured project, and legacy-tier is the last resort", async () => {
  answers = [
    [200, { allowedTiers: [{ id: "standard-tier" }] }],
    [200, { done: true, response: {} }],
  ];
  assert.deepEqual(await search({ configured: "mine" }), { ok: true, project: "mine" });
  assert.deepEqual(seen[1]!.body, {
    tierId: "legacy-tier",
    cloudaicompanionProject: "mine",
    metadata: { ...metadata, duetProject: "mine" },
  });
});

test("an operation without a usable name is asked for by the method again", async () => {
  for (const name of [undefined, "../../secrets", "operations/../x"]) {
    seen.length = 0;
    answers = [
      [200, { allowedTiers: [{ id: "free-tier", isDefault: true }] }],
      [200, { name, done: false }],
      [200, { done: true, response: { cloudaicompanionProject: { id: "made" } } }],
    ];
    assert.deepEqual(await search(), { ok: true, project: "made" });
    assert.equal(seen[2]!.path, "/v1internal:onboardUser");
  }
});

test("a sign-up that never ends is abandoned after five minutes", async () => {
  answers = [
    [200, { allowedTiers: [{ id: "free-tier", isDefault: true }] }],
    [200, { name: "operations/abc", done: false }],
  ];
  const result = await search();
  assert.ok(!result.ok && result.kind === "temporary");
  assert.equal(slept.length, 60);
});

test("Google's refusals are shown in its own words, unknown codes included", async () => {
  const table: [unknown, RegExp][] = [
    [
      { ineligibleTiers: [{ reasonCode: "UNSUPPORTED_CLIENT", reasonMessage: "Please use Antigravity." }] },
      /^Please use Antigravity \[UNSUPPORTED_CLIENT\]$/,
    ],
    [
      {
        allowedTiers: [{ id: "free-tier", isDefault: true }],
        ineligibleTiers: [
          {
            reasonCode: "VALIDATION_REQUIRED",
            reasonMessage: "Verify your account.",
            validationUrl: "https://g.example/v",
          },
        ],
      },
      /^Verify your account \[VALIDATION_REQUIRED\], see https:\/\/g\.example\/v$/,
    ],
    [{ ineligibleTiers: [{ reasonCode: "A" }, { reasonMessage: "B." }] }, /^no reason given \[A\]; B$/],
    [{}, /^Google offers this login no tier of Code Assist$/],
    [{ allowedTiers: "nonsense", ineligibleTiers: 5 }, /no tier/],
  ];
  for (const [body, detail] of table) {
    answers = [[200, body]];
    const result = await search();
    assert.ok(!result.ok && result.kind === "refused", JSON.stringify(body));
    assert.match(result.detail, detail);
  }
});

test("errors are distinguished: the token, the login, the load, and passing ones", async () => {
  const error = (message: string, details: unknown[] = []) => ({ error: { message, details } });
  const table: [number, unknown, string, RegExp][] = [
    [401, error("Invalid credentials."), "unauthorized", /^Google answered 401 \(Invalid credentials\)$/],
    [
      403,
      error("Denied", [{ reason: "X", links: [{ url: "https://g.example/help" }] }]),
      "refused",
      /\(Denied\), see https:\/\/g/,
    ],
    [403, error("No", [{ reason: "SECURITY_POLICY_VIOLATED" }]), "refused", /403 \(No\)/],
    [400, error("Precondition Failed"), "refused", /Precondition Failed/],
    [429, error("slow"), "throttled", /429/],
    [500, "oops", "temporary", /^Google answered 500$/],
    [403, "<html>", "temporary", /403/],
    [200, "<html>", "temporary", /200/],
    [302, "", "temporary", /302/],
  ];
  for (const [status, body, kind, detail] of table) {
    answers = [[status, body]];
    const result = await search();
    assert.ok(!result.ok);
    assert.equal(result.kind, kind, `${status}`);
    assert.match(result.detail, detail);
  }
  answers = [[403, error("No", [{ reason: "SECURITY_POLICY_VIOLATED" }])]];
  assert.deepEqual(await search({ configured: "mine" }), { ok: true, project: "mine" });
  const gone = await search({ apiUrl: "http://127.0.0.1:1" });
  assert.ok(!gone.ok && gone.kind === "temporary");
  const proxied = dispatchers.for("p", { type: "socks5", host: "127.0.0.1", port: 1 });
  const broken = await search({ dispatcher: proxied });
  assert.ok(!broken.ok && broken.kind === "proxy");
});

interface LoginSetup {
  authorization: AuthorizationServer;
  account: LoginAccount;
  source(): ReturnType<typeof createTokenSource>;
  store: ReturnType<typeof createMemoryTokens>;
  pass(ms: number): void;
}

async function withLogin(work: (setup: LoginSetup) => Promise<void>): Promise<void> {
  const authorization = await startAuthorizationServer();
  const store = createMemoryTokens();
  let time = 1_000_000;
  const sources: ReturnType<typeof createTokenSource>[] = [];
  const account = {
    id: "g",
    kind: accountKinds.gemini,
    apiUrl,
    secret: authorization.issue(),
    proxy: undefined,
    extras: undefined,
  };
  const source = () => {
    const made = createTokenSource({
      tokens: store,
      dispatcherFor: (login) => dispatchers.for(login.id, login.proxy),
      config: () => ({ claude: {}, gemini: { tokenUrl: `${authorization.url}/token` } }),
      clock: { now: () => time, monotonic: () => time },
      log: silentLog,
    });
    sources.push(made);
    return made;
  };
  try {
    const pass = (ms: number) => {
      time += ms;
    };
    await work({ authorization, account, source, store, pass });
  } finally {
    await Promise.all(sources.map((made) => made.close()));
    await authorization.close();
  }
}

const signal = new AbortController().signal;

test("the project is searched for once, kept with the login, and found again after a restart", () =>
  withLogin(async ({ account, source, store, pass, authorization }) => {
    answers = [[200, { currentTier: { id: "standard-tier" }, cloudaicompanionProject: "theirs" }]];
    const first = source();
    const results = await Promise.all(Array.from({ length: 30 }, () => first.credential(account, signal)));
    assert.ok(results.every((result) => result.ok && result.extras?.project === "theirs"));
    assert.equal(seen.length, 1);
    assert.equal(store.rows.get("g")?.extras?.project, "theirs");
    const again = await source().credential(account, signal);
    assert.ok(again.ok && again.extras?.project === "theirs");
    pass(86_400_000);
    const refreshed = await first.credential(account, signal);
    assert.ok(refreshed.ok && refreshed.extras?.project === "theirs");
    assert.equal(store.rows.get("g")?.extras?.project, "theirs");
    assert.equal(seen.length, 1);
    assert.equal(authorization.killed, 0);
  }));

test("a project that Google refused is searched for again", () =>
  withLogin(async ({ account, source, store }) => {
    answers = [[200, { currentTier: {}, cloudaicompanionProject: "one" }]];
    const tokens = source();
    await tokens.credential(account, signal);
    answers = [[200, { currentTier: {}, cloudaicompanionProject: "two" }]];
    await tokens.extrasRefused(account);
    assert.equal(store.rows.get("g")?.extras?.project, undefined);
    const result = await tokens.credential(account, signal);
    assert.ok(result.ok && result.extras?.project === "two");
    await tokens.extrasRefused({ ...account, extras: { project: "mine" } });
    const own = await tokens.credential({ ...account, extras: { project: "mine" } }, signal);
    assert.ok(own.ok && own.extras?.project === "mine");
  }));

test("a refusal names Google's reason and the way out, and is not asked about again at once", () =>
  withLogin(async ({ account, source, pass }) => {
    answers = [
      [200, { ineligibleTiers: [{ reasonCode: "UNSUPPORTED_CLIENT", reasonMessage: "Use Antigravity." }] }],
    ];
    const tokens = source();
    const refused = await tokens.credential(account, signal);
    assert.ok(!refused.ok);
    assert.equal(refused.reason, "extras-refused");
    assert.equal(
      describeLoginFailure(refused),
      "the Google login of account g cannot use Code Assist: Use Antigravity [UNSUPPORTED_CLIENT]; to use an API key instead, run: cc-relay login gemini --api-key",
    );
    assert.deepEqual(await tokens.credential(account, signal), refused);
    assert.equal(seen.length, 1);
    pass(60_001);
    await tokens.credential(account, signal);
    assert.equal(seen.length, 2);
  }));

test("a refusal says nothing about another address in the configuration, which is asked at once", () =>
  withLogin(async ({ account, source }) => {
    answers = [
      [404, { error: { message: "no such service" } }],
      [200, { currentTier: {}, cloudaicompanionProject: "theirs" }],
    ];
    const tokens = source();
    assert.equal((await tokens.credential(account, signal)).ok, false);
    const fixed = { ...account, apiUrl: account.apiUrl.replace("127.0.0.1", "localhost") };
    const found = await tokens.credential(fixed, signal);
    assert.ok(found.ok && found.extras?.project === "theirs");
  }));

test("a token refused during the search is refreshed once", () =>
  withLogin(async ({ account, source, authorization }) => {
    answers = [
      [401, { error: { message: "no" } }],
      [200, { currentTier: {}, cloudaicompanionProject: "theirs" }],
    ];
    const result = await source().credential(account, signal);
    assert.ok(result.ok && result.extras?.project === "theirs");
    assert.equal(authorization.requests.length, 2);
    assert.equal(seen[1]!.authorization, `Bearer ${result.token}`);
  }));

test("a search that fails for a passing reason is reported as passing", () =>
  withLogin(async ({ account, source }) => {
    answers = [[503, ""]];
    const result = await source().credential(account, signal);
    assert.ok(!result.ok && result.reason === "unreachable");
    assert.equal(result.until, 1_010_000);
  }));
