// Accounts of type `client`: the login that comes with a request is scheduled like an account, sent to its own provider, and
// kept nowhere.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, describe, test } from "node:test";
import type { AccountConfig, Config } from "../../src/config/config.ts";
import { claudeLimits } from "../../src/demo/provider/claude.ts";
import type { UsageSummary } from "../../src/store/usage-store.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { type ClientRequest, send } from "../support/client.ts";
import { checkSignatures } from "../support/compatible-script.ts";
import { geminiFailures } from "../support/gemini-script.ts";
import { codexLimits, codexModels, openaiFailures } from "../support/openai-script.ts";
import {
  chatGptToken,
  type Hosts,
  ownAccount,
  ownKeys,
  ownLogins,
  startHosts,
} from "../support/own-logins.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";

const hour = 3_600_000;

describe("the client's own login", () => {
  let hosts: Hosts;
  let relay: TestRelay | undefined;

  before(async () => {
    hosts = await startHosts();
  });
  afterEach(async () => {
    await relay?.close();
    relay = undefined;
    for (const host of hosts.all.values()) host.reset();
  });
  after(() => hosts.close());

  async function start(
    accounts: AccountConfig[],
    configure: (config: Config) => Config = (config) => config,
  ) {
    relay = await startRelay({ accounts, configure: (config) => configure(hosts.configure(config)) });
    return relay;
  }

  const keyed = (overrides: Partial<AccountConfig> = {}) =>
    testAccount("keyed", "claude-api", hosts.elsewhere.url, { priority: 100, ...overrides });

  const requests = {
    claude: (headers: readonly string[] = ownLogins.claude, session = "s"): ClientRequest => ({
      path: "/v1/messages?beta=true",
      headers: [...headers, "anthropic-beta", "oauth-2025-04-20", "x-claude-code-session-id", session],
      body: {
        model: "claude-opus-5-5",
        stream: true,
        max_tokens: 9,
        messages: [{ role: "user", content: "hi" }],
      },
    }),
    codex: (headers: readonly string[] = ownLogins.chatgpt): ClientRequest => ({
      path: "/openai/v1/responses",
      headers: [...headers, "originator", "codex_cli_rs", "session-id", "s"],
      body: { model: "gpt-5.6-codex", stream: true, store: false, input: "hi" },
    }),
    codeAssist: (headers: readonly string[] = ownLogins.google): ClientRequest => ({
      path: "/v1internal:generateContent",
      headers: [...headers],
      body: {
        model: "gemini-2.5-pro",
        project: "mine",
        request: { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
      },
    }),
  };

  const sentTo = () =>
    [...hosts.all].flatMap(([name, host]) => host.requests.map(({ credential }) => `${name} ${credential}`));

  test("of each kind goes to its own provider, body and headers left alone, and the account is named", async () => {
    const { url, store } = await start([
      ownAccount("claude", { id: "own" }),
      ownAccount("openai", { id: "plan" }),
      ownAccount("gemini", { id: "google" }),
    ]);
    const claude = await send(url, requests.claude());
    const codex = await send(url, requests.codex());
    const google = await send(url, requests.codeAssist());
    assert.deepEqual(
      [claude, codex, google].map((answer) => [answer.status, answer.header("x-cc-relay-account")]),
      [
        [200, "own"],
        [200, "plan"],
        [200, "google"],
      ],
    );
    assert.deepEqual(sentTo(), [
      "claude sk-ant-oat01-made-up-AAAA",
      `chatgpt ${chatGptToken("one")}`,
      "codeAssist ya29.made-up-AAAA",
    ]);
    const [atCodex] = hosts.providers.chatgpt.requests;
    assert.equal(atCodex?.url, "/backend-api/codex/responses");
    assert.equal(atCodex?.headers["chatgpt-account-id"], "acct-made-up-1");
    assert.equal(atCodex?.headers.originator, "codex_cli_rs");
    assert.equal(atCodex?.body.toString(), JSON.stringify(requests.codex().body));
    assert.equal(hosts.providers.claude.requests[0]?.headers["anthropic-beta"], "oauth-2025-04-20");
    const usage: UsageSummary = await store.usage.summarize({
      since: 0,
      until: Date.now() + hour,
      by: "account",
    });
    assert.deepEqual(usage.rows.map(({ key }) => key).sort(), ["google", "own", "plan"]);
    for (const [id, host] of [
      ["own", "claude"],
      ["plan", "chatgpt"],
      ["google", "codeAssist"],
    ] as const) {
      const row = usage.rows.find(({ key }) => key === id)!;
      const total = hosts.providers[host].total();
      assert.deepEqual([row.tokens.input, row.tokens.output], [total.input, total.output], id);
    }
  });

  test("is used for requests that carry one, and no other account's", async () => {
    const { url } = await start([ownAccount("claude"), keyed()]);
    for (const headers of [
      ["x-api-key", "dummy"],
      ["Authorization", "Bearer dummy"],
      [],
      ownLogins.chatgpt,
    ]) {
      const answer = await send(url, requests.claude(headers));
      assert.equal(answer.header("x-cc-relay-account"), "keyed", headers.join());
    }
    assert.deepEqual(new Set(sentTo()), new Set(["elsewhere key-of-keyed"]));
  });

  test("where it is the only account, a request without one hears what is missing", async () => {
    const { url } = await start([ownAccount("claude")]);
    const answer = await send(url, requests.claude([]));
    assert.equal(answer.status, 503);
    assert.equal(answer.header("x-cc-relay-error"), "no_account");
    assert.match(answer.text, /the client's own login, and this request carries none/);
  });

  test("of ChatGPT has no Chat Completions: who asks for them hears what is missing, with such a login as without one", async () => {
    const { url } = await start([ownAccount("openai")]);
    for (const own of [ownLogins.chatgpt, []]) {
      const answer = await send(url, {
        path: "/v1/chat/completions",
        headers: own,
        body: { model: "gpt-5.6", messages: [{ role: "user", content: "hi" }] },
      });
      assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [503, "no_account"]);
      assert.match(
        answer.text,
        /The OpenAI account of this relay is the client's own login, and a ChatGPT login has no Chat Completions: send an API key of OpenAI's instead, or add an account with `cc-relay login openai`\./,
      );
    }
    assert.deepEqual(sentTo(), []);
  });

  test("where a request names it and carries none, the same is heard", async () => {
    const { url } = await start([ownAccount("claude"), keyed()]);
    const answer = await send(url, requests.claude(["x-cc-relay-account", "own"]));
    assert.equal(answer.status, 503);
    assert.match(answer.text, /The account own is the client's own login, and this request carries none/);
    assert.deepEqual(sentTo(), []);
  });

  test("shows its client its limits while it answers, and the next account hides its own", async () => {
    const resetsAt = Date.now() + hour;
    const reset = Math.floor(resetsAt / 1000);
    const { url } = await start([ownAccount("claude"), keyed()]);
    hosts.providers.claude.on({}, { headers: claudeLimits({ "5h": { utilization: 0.4, reset } }) });
    hosts.elsewhere.on({}, { headers: claudeLimits({ "5h": { utilization: 0.7, reset } }) });
    const own = await send(url, requests.claude());
    assert.equal(own.header("anthropic-ratelimit-unified-5h-utilization"), "0.4");
    hosts.providers.claude.queue({}, claudeFailures.windowRejected("5h", resetsAt));
    const other = await send(url, requests.claude());
    assert.equal(other.status, 200);
    assert.equal(other.header("x-cc-relay-account"), "keyed");
    assert.equal(other.header("anthropic-ratelimit-unified-5h-utilization"), undefined);
  });

  test("is taken over at its limit before the client notices, stays away while that lasts, and comes back", async () => {
    let now = Date.now();
    relay = await startRelay({
      accounts: [ownAccount("claude"), keyed()],
      configure: hosts.configure,
      now: () => now,
    });
    const ask = async () => (await send(relay!.url, requests.claude())).header("x-cc-relay-account");
    assert.equal(await ask(), "own");
    hosts.providers.claude.queue({}, claudeFailures.windowRejected("5h", now + 0.5 * hour));
    assert.equal(await ask(), "keyed");
    assert.equal(await ask(), "keyed");
    assert.equal(hosts.providers.claude.requests.length, 2);
    now += 0.6 * hour;
    assert.equal(await ask(), "own");
  });

  test("gets thinking taken out that a last resort has made, where that one's heal_signatures says so", async () => {
    for (const healSignatures of [false, true]) {
      const lastResort = { onlyWhenOut: true, healSignatures };
      const { url } = await start([ownAccount("claude"), keyed(lastResort)]);
      checkSignatures(hosts.providers.claude);
      const { body, ...request } = requests.claude();
      const thinking = { type: "thinking", thinking: "hm", signature: "of the last resort" };
      const messages = [
        { role: "user", content: "one" },
        { role: "assistant", content: [thinking, { type: "text", text: "a" }] },
        { role: "user", content: "two" },
      ];
      const answer = await send(url, { ...request, body: { ...(body as object), messages } });
      assert.equal(answer.header("x-cc-relay-account"), "own");
      assert.deepEqual(
        [answer.status, answer.header("x-cc-relay-warning")],
        healSignatures ? [200, "thinking dropped"] : [400, undefined],
      );
      await relay?.close();
      relay = undefined;
    }
  });

  test("of one person at its limit does not stop another's", async () => {
    const { url } = await start([ownAccount("claude"), keyed()]);
    const second = ["Authorization", "Bearer sk-ant-oat01-made-up-BBBB"];
    hosts.providers.claude.on(
      "sk-ant-oat01-made-up-AAAA",
      claudeFailures.windowRejected("5h", Date.now() + hour),
    );
    assert.equal((await send(url, requests.claude())).header("x-cc-relay-account"), "keyed");
    const other = await send(url, requests.claude(second, "another"));
    assert.equal(other.header("x-cc-relay-account"), "own");
  });

  test("of ChatGPT is one login however often its token changes", async () => {
    const { url } = await start([
      ownAccount("openai"),
      testAccount("keyed", "openai-responses", hosts.elsewhere.url),
    ]);
    hosts.providers.chatgpt.on({}, openaiFailures.usageLimit(Date.now() + hour));
    assert.equal((await send(url, requests.codex())).header("x-cc-relay-account"), "keyed");
    const refreshed = ["Authorization", `Bearer ${chatGptToken("two")}`, ...ownLogins.chatgpt.slice(2)];
    assert.equal((await send(url, requests.codex(refreshed))).header("x-cc-relay-account"), "keyed");
    assert.equal(hosts.providers.chatgpt.requests.length, 1);
  });

  describe("is refused", () => {
    const refusals = [
      ["Claude", "claude", "claude", claudeFailures.tokenExpired()],
      ["ChatGPT", "codex", "chatgpt", openaiFailures.unauthorized()],
      ["Google", "codeAssist", "codeAssist", geminiFailures.unauthenticated()],
    ] as const;
    for (const [name, request, provider, refusal] of refusals) {
      test(`by ${name}: its client alone gets the 401, unchanged, and its next token is tried at once`, async () => {
        const families = { claude: "claude", codex: "openai", codeAssist: "gemini" } as const;
        const others = {
          claude: "claude-api",
          codex: "openai-responses",
          codeAssist: "gemini-api",
        } as const;
        const { url } = await start([
          ownAccount(families[request]),
          testAccount("keyed", others[request], hosts.elsewhere.url),
        ]);
        hosts.providers[provider].queue({}, refusal);
        const refused = await send(url, requests[request]());
        assert.equal(refused.status, 401);
        assert.equal(refused.header("x-cc-relay-account"), "own");
        assert.equal(refused.header("x-cc-relay-error"), undefined);
        assert.deepEqual(refused.json(), refusal.body);
        assert.equal(hosts.elsewhere.requests.length, 0);
        assert.equal((await send(url, requests[request]())).header("x-cc-relay-account"), "own");
      });
    }

    const lists = [
      ["Claude", "claude", "claude", "/v1/models", ownLogins.claude, claudeFailures.tokenExpired()],
      ["Google", "gemini", "gemini", "/v1beta/models", ownLogins.google, geminiFailures.unauthenticated()],
    ] as const;
    for (const [name, family, provider, path, headers, refusal] of lists) {
      test(`by ${name} when it asks for models: it gets its 401, whatever the others list`, async () => {
        const type = family === "claude" ? "claude-api" : "gemini-api";
        const { url } = await start([
          ownAccount(family),
          testAccount("keyed", type, hosts.elsewhere.url, { priority: 100 }),
        ]);
        hosts.providers[provider].queue({}, { ...refusal, headers: { "request-id": "req_refused" } });
        const refused = await send(url, { path, headers: [...headers] });
        assert.deepEqual([refused.status, refused.json()], [401, refusal.body]);
        assert.equal(refused.header("request-id"), "req_refused");
        assert.equal(refused.header("x-cc-relay-account"), "own");
        assert.equal(refused.header("x-cc-relay-error"), undefined);
        const again = await send(url, { path, headers: [...headers] });
        assert.equal(again.status, 200, again.text);
      });
    }

    test("a client's own API key fails over instead", async () => {
      const { url } = await start([ownAccount("claude"), keyed()]);
      hosts.providers.claude.on({}, claudeFailures.unauthorized());
      const answer = await send(url, requests.claude(ownKeys.claude));
      assert.deepEqual([answer.status, answer.header("x-cc-relay-account")], [200, "keyed"]);
      await send(url, requests.claude(ownKeys.claude));
      assert.equal(hosts.providers.claude.requests.length, 1);
    });

    test("a 401 of a pooled account never reaches a client that is logged in, whatever it says", async () => {
      for (const refusal of [
        claudeFailures.unauthorized(),
        { status: 401, body: { type: "error", error: { type: "odd", message: "nobody knows" } } },
      ]) {
        const { url } = await start([keyed()]);
        hosts.elsewhere.on({}, refusal);
        const answer = await send(url, requests.claude());
        assert.ok(answer.status >= 500, String(answer.status));
        assert.notEqual(answer.header("x-cc-relay-error"), undefined);
        await relay?.close();
        relay = undefined;
      }
    });
  });

  test("of ChatGPT gets its own backend's list of models, unmerged", async () => {
    const { url } = await start([
      ownAccount("openai"),
      testAccount("keyed", "openai-responses", hosts.elsewhere.url),
    ]);
    const path = "/openai/v1/models?client_version=0.169.0";
    const own = await send(url, { path, headers: ownLogins.chatgpt });
    assert.deepEqual(own.json(), { models: codexModels.map((slug) => ({ slug })) });
    assert.deepEqual(
      hosts.providers.chatgpt.requests.map((request) => request.url),
      ["/backend-api/codex/models?client_version=0.169.0"],
    );
    assert.equal(hosts.elsewhere.requests.length, 0);
  });

  test("of ChatGPT goes to its own backend in pass-through, too", async () => {
    const { url } = await start([]);
    const answer = await send(url, requests.codex());
    assert.deepEqual([answer.status, answer.header("x-cc-relay-account")], [200, "passthrough"]);
    assert.deepEqual(sentTo(), [`chatgpt ${chatGptToken("one")}`]);
    hosts.providers.chatgpt.on(
      {},
      {
        headers: codexLimits({
          primary: { usedPercent: 12, windowMinutes: 300, resetAt: Date.now() + hour },
        }),
      },
    );
    assert.equal((await send(url, requests.codex())).header("x-codex-primary-used-percent"), "12");
  });

  test("goes beside the relay's own key, which goes nowhere", async () => {
    const { url } = await start([ownAccount("claude")], (config) => ({
      ...config,
      apiKeys: [{ name: "laptop", key: "relay-key" }],
    }));
    const denied = await send(url, requests.claude());
    assert.equal(denied.status, 401);
    const answer = await send(url, requests.claude([...ownLogins.claude, "x-cc-relay-key", "relay-key"]));
    assert.equal(answer.status, 200);
    const { rawHeaders } = hosts.providers.claude.requests[0]!;
    assert.ok(!rawHeaders.join("\n").includes("relay-key"));
  });

  test("is listed by a hash, with windows and cooldown of its own, and survives a restart; nothing of it is written down", async () => {
    const resetsAt = Date.now() + hour;
    const started = await start([ownAccount("claude"), keyed()]);
    hosts.providers.claude.on({}, claudeFailures.windowRejected("5h", resetsAt));
    await send(started.url, requests.claude());
    const loginsOf = async () => {
      const status = (await send(started.url, { path: "/status" })).json() as {
        accounts: {
          id: string;
          state: string;
          logins?: { hash: string; state: string; windows: object[] }[];
        }[];
      };
      const [own, other] = status.accounts;
      assert.equal(own?.state, "ready");
      assert.equal(other?.logins, undefined);
      return own?.logins;
    };
    const [login] = (await loginsOf()) ?? [];
    assert.equal(login?.state, "cooldown");
    assert.match(login?.hash ?? "", /^[0-9a-f]{16}$/);
    assert.ok((login?.windows.length ?? 0) > 0);
    await started.restart();
    assert.deepEqual(await loginsOf(), [login]);
    assert.equal((await send(started.url, requests.claude())).header("x-cc-relay-account"), "keyed");
    await started.restart();
    const kept = await readFile(started.config.server.databasePath, "latin1");
    assert.ok(kept.includes(login!.hash));
    assert.ok(!kept.includes("made-up-AAAA"));
    assert.ok(!JSON.stringify(started.log).includes("made-up-AAAA"));
  });

  test("is known after a restart", async () => {
    relay = await startRelay({ accounts: [ownAccount("claude")], configure: hosts.configure });
    await send(relay.url, requests.claude());
    await relay.restart();
    const states = await relay.store.accounts.states();
    assert.equal(states.filter(({ accountId }) => accountId.startsWith("own ")).length, 1);
  });
});
