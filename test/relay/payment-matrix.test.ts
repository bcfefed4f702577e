// Own login × key × compatible host × what becomes of each: the tables of payment-tables.ts, and which credential goes along. They are
// the same for Claude Code and for Codex, of which one has every combination; Code Assist has no compatible hosts.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { AccountConfig } from "../../src/config/config.ts";
import type { Family } from "../../src/domain/family.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import type { Behaviour, RecordedRequest } from "../support/behaviour.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { type ClientAnswer, type ClientRequest, send } from "../support/client.ts";
import { geminiFailures } from "../support/gemini-script.ts";
import { openaiFailures } from "../support/openai-script.ts";
import { type Hosts, ownAccount, ownLogins, secretsIn, startHosts } from "../support/own-logins.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import { leadTo } from "./cases.ts";
import {
  anywhere,
  everyState,
  type Id,
  inLoopAtHost,
  lineOf,
  type Place,
  readTable,
  type State,
  type States,
  withoutHosts,
} from "./payment-tables.ts";

const minute = 60_000;
const hour = 60 * minute;

interface Client {
  name: string;
  family: Family;
  own: readonly string[];
  provider: "claude" | "chatgpt" | "codeAssist";
  /** The account with a credential of its own, and the compatible host. */
  key(url: string, authorization: AuthorizationServer): AccountConfig;
  host?(url: string): AccountConfig;
  request(session: string, inLoop: boolean): ClientRequest;
  limit(untilMs: number, now: number): Behaviour;
  full(): Behaviour;
  dead(): Behaviour;
  tables: Readonly<Partial<Record<Place, string>>>;
}

const asHost = { priority: 900, onlyWhenOut: true, modelMap: [{ pattern: "*", model: "glm-5.2" }] };
const withHosts = { new: anywhere, own: anywhere, key: anywhere, host: inLoopAtHost };
const user = (content: unknown) => ({ role: "user", content });

const claudeCode: Client = {
  name: "Claude Code",
  family: "claude",
  own: ownLogins.claude,
  provider: "claude",
  key: (url) => testAccount("key", "claude-api", url),
  host: (url) => testAccount("host", "claude-api", `${url}/api/anthropic`, { ...asHost, auth: "bearer" }),
  request: (session, inLoop) => ({
    path: "/v1/messages?beta=true",
    headers: ["x-claude-code-session-id", session],
    body: {
      ...{ model: "claude-opus-5-5", stream: true, max_tokens: 9 },
      messages: inLoop
        ? [
            user("hi"),
            { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "Bash", input: {} }] },
            user([{ type: "tool_result", tool_use_id: "toolu_1", content: "done" }]),
          ]
        : [user("hi")],
    },
  }),
  limit: (untilMs) => claudeFailures.windowRejected("5h", untilMs),
  full: claudeFailures.overloaded,
  dead: claudeFailures.unauthorized,
  tables: withHosts,
};

const codex: Client = {
  name: "Codex",
  family: "openai",
  own: ownLogins.chatgpt,
  provider: "chatgpt",
  key: (url) => testAccount("key", "openai-responses", url),
  host: (url) => testAccount("host", "openai-responses", url, { ...asHost, apiUrl: `${url}/api/paas/v4` }),
  request: (session, inLoop) => ({
    path: "/openai/v1/responses",
    headers: ["session-id", session],
    body: {
      ...{ model: "gpt-5.6-codex", stream: true, store: false },
      input: inLoop
        ? [
            user("hi"),
            { type: "function_call", call_id: "call_1", name: "exec_command", arguments: "{}" },
            { type: "function_call_output", call_id: "call_1", output: "done" },
          ]
        : [user("hi")],
    },
  }),
  limit: (untilMs) => openaiFailures.usageLimit(untilMs),
  full: openaiFailures.overloaded,
  dead: openaiFailures.unauthorized,
  tables: withHosts,
};

const codeAssist: Client = {
  name: "Gemini CLI with a Google login",
  family: "gemini",
  own: ownLogins.google,
  provider: "codeAssist",
  key: (url, authorization) =>
    testAccount("key", "gemini", url, { secret: authorization.issue("key"), extras: { project: "pooled" } }),
  request: (session, inLoop) => ({
    path: "/v1internal:streamGenerateContent?alt=sse",
    headers: ["x-session-id", session],
    body: {
      ...{ model: "gemini-2.5-pro", project: "of-the-client" },
      request: {
        contents: [
          { role: "user", parts: [{ text: "hi" }] },
          ...(inLoop
            ? [
                { role: "model", parts: [{ functionCall: { name: "run_shell_command", args: {} } }] },
                { role: "user", parts: [{ functionResponse: { name: "run_shell_command", response: {} } }] },
              ]
            : []),
        ],
      },
    },
  }),
  limit: (untilMs, now) => geminiFailures.codeAssistExhausted(`${Math.ceil((untilMs - now) / 1000)}s`),
  full: geminiFailures.overloaded,
  dead: geminiFailures.unauthenticated,
  tables: { new: withoutHosts, own: withoutHosts, key: withoutHosts },
};

for (const client of [claudeCode, codex, codeAssist]) {
  describe(client.name, () => {
    let hosts: Hosts;
    let authorization: AuthorizationServer;
    const relays = new Map<string, TestRelay>();
    let now = Date.now();
    let cells = 0;
    let asked: Id[] = [];

    before(async () => {
      hosts = await startHosts();
      authorization = await startAuthorizationServer();
    });
    after(async () => {
      for (const relay of relays.values()) await relay.close();
      await hosts.close();
      await authorization.close();
    });

    /** One relay for each set of accounts. */
    async function relayFor({ own, key, host }: States): Promise<TestRelay> {
      const name = [own, key, host].map((state) => state === "-").join();
      const known = relays.get(name);
      if (known) return known;
      const { url } = hosts.elsewhere;
      const accounts = [
        ...(own === "-" ? [] : [ownAccount(client.family, { priority: 200 })]),
        ...(key === "-" ? [] : [client.key(url, authorization)]),
        ...(host === "-" ? [] : [client.host?.(url)].filter((account) => account !== undefined)),
      ];
      const lead = leadTo(url, { login: "gemini" }, authorization);
      const configure = (config: TestRelay["config"]) => hosts.configure(lead(config));
      const relay = await startRelay({ accounts, configure, now: () => now, isFast: true });
      relays.set(name, relay);
      return relay;
    }

    function behave(states: States, limitMs: number): void {
      asked = [];
      for (const host of hosts.all.values()) host.reset();
      const rule = (id: Id) => (request: RecordedRequest) => {
        // A connection that was kept and breaks before an answer is tried anew.
        if (states[id] !== "gone" || asked.at(-1) !== id) asked.push(id);
        assertOnlyOf(id, request, client);
        return behaviourOf(states[id], client, { now, limitedUntil: now + limitMs });
      };
      hosts.providers[client.provider].on(() => true, rule("own"));
      hosts.elsewhere.on(() => true, rule("key"));
      hosts.elsewhere.on(({ url }) => /^\/api\/(?:anthropic|paas)/.test(url), rule("host"));
    }

    async function ask(relay: TestRelay, session: string, inLoop: boolean): Promise<ClientAnswer> {
      const { headers = [], ...request } = client.request(session, inLoop);
      return send(relay.url, { ...request, headers: [...client.own, ...headers] });
    }

    /** Leads the conversation there, with a limit that is over when the request in question comes. */
    async function lead(relay: TestRelay, place: Place, session: string): Promise<void> {
      if (place === "new") return;
      behave({ own: "ok", key: "ok", host: "ok" }, 0);
      assert.equal((await ask(relay, session, false)).header("x-cc-relay-account"), "own");
      if (place === "own") return;
      behave({ own: "limit", key: place === "key" ? "ok" : "limit", host: "ok" }, 10 * minute);
      assert.equal((await ask(relay, session, false)).header("x-cc-relay-account"), place);
      now += 11 * minute;
    }

    for (const [place, table] of Object.entries(client.tables) as [Place, string][]) {
      // Where a table is the same as for a new conversation, its rows are tried once each, with every account there.
      const isKnown = place === "own" || place === "key";
      const rows = readTable(table, {
        each: isKnown ? ["ok"] : everyState,
        together: client === codex,
      }).filter(
        ({ states: { own, key, host } }) =>
          !isKnown || (own !== "-" && key !== "-" && (host !== "-" || client.host === undefined)),
      );
      const where = place === "new" ? "a new conversation" : `a loop of tools that began at ${place}`;
      test(`${where}: ${rows.length} combinations`, async () => {
        const found: string[] = [];
        for (const { states } of rows) {
          // Nothing that was learned in the combination before still holds.
          now += 24 * hour;
          const session = `session-${cells++}`;
          const relay = await relayFor(states);
          await lead(relay, place, session);
          behave(states, 2 * hour);
          const answer = await ask(relay, session, place !== "new");
          found.push(lineOf({ states, asked: asked.join(" "), seen: seenIn(answer, client) }));
        }
        assert.deepEqual(found, rows.map(lineOf));
      });
    }
  });
}

function behaviourOf(
  state: State,
  client: Client,
  { now, limitedUntil }: { now: number; limitedUntil: number },
): Behaviour {
  switch (state) {
    case "limit":
      return client.limit(limitedUntil, now);
    case "full":
      return client.full();
    case "dead":
      return client.dead();
    case "gone":
      return { breakOff: { when: "before-headers", how: "rst" } };
    default:
      return {};
  }
}

/** The whole of the answer: whose it is, or which error of the relay's own. */
function seenIn(answer: ClientAnswer, client: Client): string {
  const error = answer.header("x-cc-relay-error");
  if (error !== undefined) return `${answer.status} ${error}`;
  const account = answer.header("x-cc-relay-account");
  assert.equal(answer.header("x-cc-relay-model"), account === "host" ? "glm-5.2" : undefined);
  if (answer.status < 400) return `${answer.status} ${account}`;
  const provided = answer.status === 401 ? client.dead() : client.full();
  assert.deepEqual([answer.status, answer.json()], [provided.status, provided.body]);
  return `${answer.status === 401 ? 401 : "FULL"} ${account}`;
}

/** The credential of the account that is asked, and nothing of any other one. */
function assertOnlyOf(id: Id, { rawHeaders, url, body, credential }: RecordedRequest, client: Client): void {
  const [secret = "", ...others] = secretsIn(client.own);
  const text = `${url}\n${rawHeaders.join("\n")}\n${body}`;
  const ownOnes = [secret, ...others].filter((part) => text.includes(part));
  assert.deepEqual(ownOnes, id === "own" ? [secret, ...others] : [], `${id} got ${credential}`);
  assert.equal(/key-of-|access-/.test(text), id !== "own", `${id} got ${credential}`);
  if (client.host) assert.equal(credential, id === "own" ? secret : `key-of-${id}`);
}
