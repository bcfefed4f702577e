// Own login × key × compatible host × what becomes of each, over WebSockets: who is asked, and what a client sees that does as Codex does.
// The tables of test/relay/payment-tables.ts are those over HTTP.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { type Id, lineOf, type Row, readTable, type State, type States } from "../relay/payment-tables.ts";
import { type Behaviour, objectField } from "../support/behaviour.ts";
import { codexPath, openaiFailures } from "../support/openai-script.ts";
import { ownAccount, ownLogins, secretsIn } from "../support/own-logins.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import { type CreateFault, createSocketScript, type SocketScript } from "../support/socket-script.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { Client, continuing, create, type Frame } from "./stage.ts";

/**
 * The states are those of payment-tables.ts; whose credential is `dead` gets no new socket either. FULL is the provider's own frame, passed on,
 * and so are LIMIT and DEAD. `lost`: the client sends the whole conversation again, over a new socket. `http`: it goes on over HTTP.
 */
const tables = {
  "a new conversation": `
  own    key    host   | asked        | the client sees
  ok     *      *      | own          | own
  dead   *      *      | own          | http
  limit  ok     *      | own key      | key
  full   ok     *      | own key      | key
  gone   ok     *      | own key      | key
  limit  limit  ok     | own key host | host
  limit  dead   ok     | own key host | host
  limit  limit  limit  | own key host | 429 all_limited
  limit  limit  dead   | own key host | 429 all_limited
  limit  dead   limit  | own key host | 429 all_limited
  limit  dead   dead   | own key host | 429 all_limited
  limit  limit  full   | own key host | FULL
  limit  dead   full   | own key host | FULL
  limit  full   *      | own key      | FULL
  full   limit  *      | own key      | FULL
  full   dead   *      | own key      | FULL
  full   full   *      | own key      | FULL
  limit  -      ok     | own host     | host
  full   -      ok     | own          | FULL
  limit  -      -      | own          | 429 all_limited
  dead   -      -      | own          | http
  -      ok     ok     | key          | key
  -      limit  ok     | key host     | host
  -      dead   ok     | key host     | host
  -      dead   -      | key          | http`,
  "a loop of tools": `
  own    key    host   | asked        | the client sees
  ok     *      *      | own          | own
  dead   *      *      | own          | DEAD
  limit  ok     *      | own key      | lost key
  full   ok     *      | own key      | lost key
  gone   ok     *      | own key      | lost key
  limit  limit  ok     | own key host | lost host
  limit  dead   ok     | own key host | lost host
  limit  limit  limit  | own key host | lost 429 all_limited
  limit  limit  dead   | own key host | lost 429 all_limited
  limit  dead   limit  | own key host | lost 429 all_limited
  limit  dead   dead   | own key host | lost http
  limit  limit  full   | own key host | lost FULL
  limit  dead   full   | own key host | lost FULL
  limit  full   *      | own key      | lost FULL
  full   limit  *      | own key      | lost 503 over_capacity
  full   dead   *      | own key      | lost http
  full   full   *      | own key      | lost FULL
  limit  -      ok     | own host     | lost host
  full   -      ok     | own          | FULL
  limit  -      -      | own          | LIMIT
  dead   -      -      | own          | DEAD`,
};

const hour = 3_600_000;
/** By its number an answer's id says whose it is. */
const idsOfEach = 10_000;
const ids = ["own", "key", "host"] as const;
/** As Codex opens a socket with a ChatGPT login. */
const own = {
  ...{ authorization: ownLogins.chatgpt[1], "chatgpt-account-id": ownLogins.chatgpt[3] },
  "x-codex-routing-hint": "model=gpt-5.6",
};
const [ownToken = "", ownId = ""] = secretsIn(ownLogins.chatgpt);

describe("over WebSockets", () => {
  let hosts: Record<Id, { upstream: ScriptedUpstream; script: SocketScript }>;
  const relays = new Map<string, TestRelay>();
  let now = Date.now();
  let cells = 0;
  let asked: Id[] = [];

  before(async () => {
    const start = async (firstIndex: number) => {
      const script = createSocketScript({ firstIndex });
      return { script, upstream: await startUpstream({ family: "openai", sockets: script }) };
    };
    hosts = { own: await start(0), key: await start(idsOfEach), host: await start(2 * idsOfEach) };
  });
  after(async () => {
    for (const relay of relays.values()) await relay.close();
    for (const { upstream } of Object.values(hosts)) await upstream.close();
  });

  /** One relay for each set of accounts. */
  async function relayFor(states: States): Promise<TestRelay> {
    const name = ids.map((id) => states[id] === "-").join();
    const known = relays.get(name);
    if (known) return known;
    const chatgpt = `${hosts.own.upstream.url}${codexPath}`;
    const asHost = { priority: 900, onlyWhenOut: true };
    const relay = await startRelay({
      accounts: [
        ...(states.own === "-" ? [] : [ownAccount("openai", { priority: 200 })]),
        ...(states.key === "-" ? [] : [testAccount("key", "openai-responses", hosts.key.upstream.url)]),
        ...(states.host === "-"
          ? []
          : [testAccount("host", "openai-responses", hosts.host.upstream.url, asHost)]),
      ],
      configure: (config) => ({
        ...config,
        // The clock does not move: nothing that is waited for would come.
        session: { ...config.session, maxWaitMs: 0 },
        upstream: { ...config.upstream, providerUrls: { ...config.upstream.providerUrls, chatgpt } },
      }),
      now: () => now,
    });
    relays.set(name, relay);
    return relay;
  }

  function behave(states: States): void {
    asked = [];
    for (const id of ids) {
      const { script } = hosts[id];
      const isDead = states[id] === "dead";
      script.faultOf = () => {
        asked.push(id);
        return faultOf(states[id], now);
      };
      script.refusalOf = () => {
        if (isDead) asked.push(id);
        return isDead ? { status: 401, body: openaiFailures.unauthorized().body } : undefined;
      };
    }
  }

  /** Connects again with the whole conversation when the answer says so, as Codex does. */
  async function ask(url: string, session: string, first: Opened | undefined): Promise<string> {
    let opened = first ?? (await open(url, session));
    const seen: string[] = [];
    for (;;) {
      if (opened === undefined) return [...seen, "http"].join(" ");
      const { client, frames } = opened;
      const answer = await client.ask(frames ? continuing(frames) : create());
      const last = answer.at(-1);
      const isLost = last?.error?.code === "previous_response_not_found";
      if (!isLost) return [...seen, last ? seenIn(last) : "http"].join(" ");
      seen.push("lost");
      await client.closed;
      opened = await open(url, session);
    }
  }

  for (const [place, table] of Object.entries(tables)) {
    const rows = readTable(table, { each: ["ok", "dead"], together: true });
    test(`${place}: ${rows.length} combinations`, async () => {
      const found: Row[] = [];
      for (const { states } of rows) {
        now += 24 * hour;
        const session = `session-${cells++}`;
        const { url } = await relayFor(states);
        behave({ own: "ok", key: "ok", host: "ok" });
        const opened = place === "a loop of tools" ? await open(url, session) : undefined;
        if (opened) opened.frames = await opened.client.ask();
        behave(states);
        const seen = await ask(url, session, opened);
        found.push({ states, asked: asked.join(" "), seen });
      }
      assert.deepEqual(found.map(lineOf), rows.map(lineOf));
      for (const id of ids) assertOnlyOf(id, hosts[id].script);
    });
  }
});

interface Opened {
  client: Client;
  /** The answer that is gone on with. */
  frames: Frame[] | undefined;
}

/** Undefined: refused, so that it goes on over HTTP. */
async function open(url: string, session: string): Promise<Opened | undefined> {
  const headers = { "session-id": session, ...own };
  const client = new Client(new WebSocket(`${url.replace("http", "ws")}/openai/v1/responses`, { headers }));
  return client.opened.then(
    () => ({ client, frames: undefined }),
    () => undefined,
  );
}

function faultOf(state: State, now: number): CreateFault | undefined {
  if (state === "gone") return { kind: "close", code: undefined };
  const failure = failures[state]?.(now);
  return failure && { kind: "error", status: failure.status, error: objectField(failure.body, "error")! };
}

const failures: Partial<Record<State, (now: number) => Behaviour>> = {
  limit: (now) => openaiFailures.usageLimit(now + 2 * hour),
  full: openaiFailures.overloaded,
  dead: openaiFailures.unauthorized,
};

/** Whose answer it is, or which error. */
function seenIn({ type, status, error, headers, response }: Frame): string {
  const code = headers?.["x-cc-relay-error"];
  if (code !== undefined) return `${status} ${code}`;
  if (type === "error") return { 429: "LIMIT", 503: "FULL", 401: "DEAD" }[status ?? 0] ?? `${error?.code}`;
  assert.equal(type, "response.completed");
  return ids[Math.floor(Number(/\d+/.exec(response!.id)) / idsOfEach)]!;
}

/** The credential of the account that is asked, and nothing of any other one. */
function assertOnlyOf(id: Id, { upgrades, creates }: SocketScript): void {
  for (const { credential, path, headers } of upgrades) {
    const text = `${path}\n${JSON.stringify(headers)}`;
    assert.equal(credential, id === "own" ? ownToken : `key-of-${id}`);
    assert.deepEqual([text.includes(ownToken), text.includes(ownId)], [id === "own", id === "own"]);
  }
  for (const { frame } of creates) assert.ok(!/key-of-/.test(frame.toString()) && !frame.includes(ownToken));
}
