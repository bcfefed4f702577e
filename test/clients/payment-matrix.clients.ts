// Own login × key × compatible host × what becomes of each, with every client: what happens from the second request on, in the middle of
// a loop of tools, who answers, and what the client's user sees. Which credential reached which host is looked at in every cell.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { startAuthorizationServer } from "../support/authorization-server.ts";
import { type Behaviour, objectField, type RecordedRequest } from "../support/behaviour.ts";
import {
  type CreateFault,
  createSocketScript,
  type Refusal,
  type SocketScript,
} from "../support/socket-script.ts";
import * as claude from "./claude-code.ts";
import * as codex from "./codex.ts";
import * as gemini from "./gemini-cli.ts";
import {
  claudeLogin,
  codexToken,
  failures,
  googleLogin,
  logInClaude,
  logInCodex,
  logInGemini,
  runClaude,
  runCodex,
  runGemini,
  shownBy,
} from "./own-clients.ts";
import { type HostId, type LoginSettings, type LoginStage, startLoginStage } from "./own-login.ts";
import type { ProgramResult } from "./program.ts";
import { type Model, sawBoth } from "./task.ts";

/**
 * `limit`: for two hours. `full`: no capacity for one request. `dead`: the credential is refused. `-`: there is no such account.
 * Who answered is a regular expression; nobody else was asked but who failed. Every row is played with every client, but those with
 * a compatible host: no host speaks Code Assist but Google's, so Gemini CLI plays the rows without one. `retry`: nobody is left, the
 * provider's "no capacity" reaches the client, and that asks again: Gemini CLI alone shows it.
 */
const overHttp = `
  own    key    glm    | answered                     | asked       | seen
  limit  ok     ok     | own key key                  | own key     | all
  limit  limit  ok     | own glm glm                  | own key glm | all
  limit  dead   ok     | own glm glm                  | own key glm | all
  limit  limit  limit  | own                          | own key glm | limit
  limit  limit  dead   | own                          | own key glm | limit
  limit  limit  full   | own glm glm                  | own key glm | retry
  limit  dead   full   | own glm glm                  | own key glm | retry
  limit  full   ok     | own key key                  | own key     | all
  full   ok     ok     | own key (own|key)            | own key     | all
  full   limit  ok     | own own own                  | own key     | retry
  full   full   ok     | own (own|key) (own|key)      | own key     | retry
  dead   ok     ok     | own                          | own         | login
  -      limit  ok     | key glm glm                  | key glm     | all
  limit  ok     -      | own key key                  | own key     | all
  limit  limit  -      | own                          | own key     | limit
  limit  dead   -      | own                          | own key     | limit
  limit  full   -      | own key key                  | own key     | retry
  full   ok     -      | own key (own|key)            | own key     | all
  full   limit  -      | own own own                  | own key     | retry
  full   full   -      | own (own|key) (own|key)      | own key     | retry
  dead   ok     -      | own                          | own         | login`;

/**
 * Codex over a WebSocket, which no other client has: the same rows. The compatible host has another name for the model, which takes an edit of the request, so that it
 * is asked over HTTP. `full`: Codex ends its turn at once when a frame says that there is no capacity, with or without a relay. `retry`: it
 * says that it connects again when that happens twice in a row.
 */
const overSocket = `
  own    key    glm    | answered                     | asked       | seen
  limit  ok     ok     | own key key                  | own key     | all
  limit  limit  ok     | own glm glm                  | own key glm | retry
  limit  dead   ok     | own glm glm                  | own key glm | all
  limit  limit  limit  | own                          | own key glm | limit
  limit  limit  dead   | own                          | own key glm | limit
  limit  limit  full   | own glm glm                  | own key glm | retry
  limit  dead   full   | own glm glm                  | own key glm | all
  limit  full   ok     | own                          | own key     | full
  full   ok     ok     | own key (own|key)            | own key     | all
  full   limit  ok     | own own own                  | own key     | retry
  full   full   ok     | own                          | own key     | full
  dead   ok     ok     | own                          | own         | login
  -      limit  ok     | key glm glm                  | key glm     | all
  limit  ok     -      | own key key                  | own key     | all
  limit  limit  -      | own                          | own key     | limit
  limit  dead   -      | own                          | own key     | limit
  limit  full   -      | own                          | own key     | full
  full   ok     -      | own key (own|key)            | own key     | all
  full   limit  -      | own own own                  | own key     | retry
  full   full   -      | own                          | own key     | full
  dead   ok     -      | own                          | own         | login`;

/** The rows that reach the compatible host, where that keeps the model's name and speaks WebSocket. The others are those above. */
const overSocketOfHost = `
  own    key    glm    | answered                     | asked       | seen
  limit  limit  ok     | own glm glm                  | own key glm | all
  limit  dead   ok     | own glm glm                  | own key glm | all
  limit  limit  limit  | own                          | own key glm | limit
  limit  limit  dead   | own                          | own key glm | limit
  limit  limit  full   | own                          | own key glm | full
  limit  dead   full   | own                          | own key glm | full
  -      limit  ok     | key glm glm                  | key glm     | all`;

type Seen = "all" | "retry" | "limit" | "full" | "login";
type State = "ok" | "limit" | "full" | "dead" | "-";
const ids = ["own", "key", "glm"] as const;
type States = Readonly<Record<HostId, State>>;

interface Client {
  name: "claude" | "codex" | "gemini";
  /** Where it is not the usual one. */
  transport?: string;
  table: string;
  /** Other hosts than its provider's speak its API. */
  hasHosts: boolean;
  model: Model;
  start(t: TestContext, states: States): Promise<LoginStage>;
  run(stage: LoginStage): Promise<ProgramResult>;
  /** Of the model, not of its lists and settings. */
  isQuestion(request: RecordedRequest): boolean;
  /** The questions that come before anything goes wrong. */
  untroubled: number;
  sees: Readonly<Partial<Record<Seen, RegExp>> & Record<"all" | "retry", RegExp>>;
}

const seesAll = new RegExp(sawBoth);
const accountOf = (type: string, id: "key" | "glm", url: string, more = "") =>
  `[[accounts]]\nid = "${id}"\ntype = "${type}"\napi_key = "key-of-${id}"\napi_url = "${url}"\n${more}`;
const asGlm = 'auth = "bearer"\nmodel_map = { "*" = "glm-5.2" }\n';

const claudeCode: Client = {
  name: "claude",
  table: overHttp,
  hasHosts: true,
  model: claude.claudeModel,
  async start(t, { own, key, glm }) {
    const stage = await startLoginStage(t, {
      ...{ family: "claude", login: claudeLogin, isWithoutOwn: own === "-" },
      accounts: ({ pooled, compatible }) =>
        (key === "-" ? "" : accountOf("claude-api", "key", pooled)) +
        (glm === "-" ? "" : accountOf("claude-api", "glm", compatible, asGlm)),
    });
    await logInClaude(stage);
    return stage;
  },
  run: runClaude,
  isQuestion: ({ path }) => path === "/v1/messages",
  untroubled: 1,
  sees: { all: seesAll, retry: seesAll, limit: /limit/i, login: /authenticat|log ?in/i },
};

const codexExec: Client = {
  name: "codex",
  table: overHttp,
  hasHosts: true,
  model: codex.codexModel,
  start: (t, states) => startCodex(t, states),
  run: (stage) => runCodex(stage, "--no-websocket"),
  isQuestion: ({ path }) => path.endsWith("/responses"),
  untroubled: 1,
  sees: { all: seesAll, retry: seesAll, limit: /limit/i, login: /401|unauthorized|log ?in|sign in|token/i },
};

const codexOverSocket: Client = {
  ...codexExec,
  transport: "over a WebSocket",
  table: overSocket,
  start: (t, states) => startCodex(t, states, { sockets: socketsOfAll() }),
  run: (stage) => runCodex(stage),
  // First there is a warm-up.
  untroubled: 2,
  sees: {
    ...codexExec.sees,
    retry: new RegExp(`Reconnecting[\\s\\S]*${sawBoth}`),
    full: /Selected model is at capacity/,
  },
};

const codexToHostOverSocket: Client = {
  ...codexOverSocket,
  transport: "over a WebSocket that the compatible host has, too",
  table: overSocketOfHost,
  start: (t, states) =>
    startCodex(t, states, { sockets: socketsOfAll(), ofHost: 'auth = "bearer"\nonly_when_out = true\n' }),
};

async function startCodex(
  t: TestContext,
  { own, key, glm }: States,
  { sockets, ofHost = asGlm }: Pick<LoginSettings, "sockets"> & { ofHost?: string } = {},
): Promise<LoginStage> {
  const login = codexToken();
  const stage = await startLoginStage(t, {
    ...{ family: "openai", login, sockets, isWithoutOwn: own === "-" },
    accounts: ({ pooled, compatible }) =>
      (key === "-" ? "" : accountOf("openai-responses", "key", `${pooled}/v1`)) +
      (glm === "-" ? "" : accountOf("openai-responses", "glm", `${compatible}/v1`, ofHost)),
  });
  await logInCodex(stage, login);
  return stage;
}

/** Ids of responses are unlike each other, as providers' are. */
function socketsOfAll(): Record<HostId, SocketScript> {
  const [own, key, glm] = [3000, 4000, 5000].map((firstIndex) => createSocketScript({ firstIndex }));
  return { own: own!, key: key!, glm: glm! };
}

const geminiCli: Client = {
  name: "gemini",
  table: overHttp,
  hasHosts: false,
  model: gemini.geminiModel,
  async start(t, { own }) {
    const authorization = await startAuthorizationServer();
    t.after(() => authorization.close());
    const stage = await startLoginStage(t, {
      ...{ family: "gemini", login: googleLogin, isWithoutOwn: own === "-" },
      accounts: ({ pooled }) =>
        `[[accounts]]\nid = "key"\ntype = "gemini"\nrefresh_token = "${authorization.issue("key")}"\napi_url = "${pooled}"\n` +
        `[oauth.gemini]\ntoken_url = "${authorization.url}/token"\n`,
    });
    await logInGemini(stage);
    return stage;
  },
  run: runGemini,
  isQuestion: ({ path }) => /:(?:streamG|g)enerateContent$/.test(path),
  // First a small model is asked which model is to answer.
  untroubled: 2,
  sees: {
    all: seesAll,
    retry: /I saw marker-23, marker-45\.[\s\S]*Attempt 1 failed with status 503/,
    limit: /limit|quota|exhausted/i,
    login: /authenticat|log ?in|credential/i,
  },
};

for (const client of [claudeCode, codexExec, codexOverSocket, codexToHostOverSocket, geminiCli]) {
  const { name, transport, table, hasHosts } = client;
  describe([name, transport].join(" ").trim(), { concurrency: 2 }, () => {
    for (const row of readTable(table)) if (hasHosts || row.states.glm === "-") play(client, row);
  });
}

function play(client: Client, { states, answered, asked, seen }: Row): void {
  const what = ids.map((id) => `${id} ${states[id]}`).join(", ");
  test([client.name, client.transport, what].filter(Boolean).join(": "), async (t) => {
    const stage = await client.start(t, states);
    behave(stage, client, states);
    const shown = shownBy[client.name](await client.run(stage));
    const { hosts, sockets } = stage;
    const reached = ids.filter(
      (id) => hosts[id].requests.some(client.isQuestion) || (sockets[id]?.upgrades.length ?? 0) > 0,
    );
    assert.match(shown, client.sees[seen]!, shown);
    if (!/^(?:all|retry)$/.test(seen)) assert.doesNotMatch(shown, client.sees.all);
    else if (seen === "all" || client.sees.retry === client.sees.all) assert.doesNotMatch(shown, /error/i);
    assert.equal(reached.join(" "), asked);
    const over = Object.values(sockets).reduce((sum, { creates }) => sum + creates.length, 0);
    assert.equal(over > 1, client.transport !== undefined, `${over} requests over WebSockets`);
    const answers = answersIn(stage).slice(client.untroubled - 1);
    assert.match(answers.join(" "), new RegExp(`^${answered}$`));
  });
}

/** All is well at first; what a row says is so from the next question on, wherever it is asked. */
function behave({ hosts, sockets }: LoginStage, client: Client, states: States): void {
  let questions = 0;
  const wasFull = new Set<HostId>();
  const until = Date.now() + 7_200_000;
  const { limit, full, dead } = failures[client.name];
  const inTrouble = (id: HostId): Behaviour | undefined => {
    if (states[id] === "limit") return limit(until);
    if (states[id] === "dead") return dead();
    if (states[id] !== "full" || wasFull.has(id)) return undefined;
    wasFull.add(id);
    return full();
  };
  const ask = (id: HostId) => (questions++ >= client.untroubled ? inTrouble(id) : undefined);
  for (const id of ids) {
    hosts[id].on(client.isQuestion, (request) => ask(id) ?? client.model(request));
    const script = sockets[id];
    if (!script) continue;
    script.answerWith(client.model);
    script.faultOf = () => asFrame(ask(id));
    // Whose credential is refused gets no socket.
    script.refusalOf = () =>
      states[id] === "dead" && questions >= client.untroubled ? asRefusal(dead()) : undefined;
  }
}

function asFrame(behaviour: Behaviour | undefined): CreateFault | undefined {
  const error = objectField(behaviour?.body, "error");
  return error && { kind: "error", status: behaviour!.status, error };
}

function asRefusal({ status = 500, body }: Behaviour): Refusal {
  return { status, body };
}

/** The accounts that gave a good answer, in order. */
function answersIn({ relay }: LoginStage): unknown[] {
  return relay
    .log()
    .filter(({ msg, status, route }) => msg === "request" && status === 200 && /\/generate$/.test(`${route}`))
    .map(({ account }) => account);
}

interface Row {
  states: States;
  answered: string;
  asked: string;
  seen: Seen;
}

function readTable(table: string): Row[] {
  return table
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => {
      const [columns = "", answered = "", asked = "", seen = ""] = line
        .split(/ \| /)
        .map((part) => part.trim());
      const [own, key, glm] = columns.split(/ +/) as State[];
      return {
        states: { own: own!, key: key!, glm: glm! },
        answered,
        asked,
        seen: seen as Seen,
      };
    });
}
