// What an account can do to Codex over WebSocket, and how Codex is played through it: with another account behind it, its user sees what
// is seen without a fault.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import {
  type CreateFault,
  createSocketScript,
  type Refusal,
  type SocketScript,
} from "../support/socket-script.ts";
import { codexModel, setUpProvider } from "./codex.ts";
import { type Scene, type SceneName, scenes } from "./codex-scenes.ts";
import { firstKey, type RelayStage, type Stage, startDirectStage, startRelayStage } from "./stage.ts";

export interface Row {
  /** Of one request. */
  fault?: CreateFault;
  /** Of the first upgrade. */
  refusal?: Refusal;
  /** Of every upgrade, with either account. */
  refusesAll?: Refusal;
  /** The request is at fault, or an answer has begun: Codex shows and keeps what it does without a relay, too. */
  isOwn?: boolean;
  /** How many requests are recorded as errors: those whose provider's error, or cut, reaches Codex and is not healed by it. */
  errors?: number;
}

const usageLimit = {
  type: "usage_limit_reached",
  message: "limit",
  plan_type: "plus",
  resets_in_seconds: 7200,
};
const closing = (code: number | undefined, after?: number): Row => ({
  fault: { kind: "close", code, ...(after !== undefined && { after }) },
});
const failing = (status: number, error: Record<string, unknown>, more: object = {}): Row => ({
  fault: { kind: "error", status, error, ...more },
});

/** As in the facts about Codex 0.169.0: every fault that was measured with it. */
export const rows = {
  "answers the upgrade with 426": { refusesAll: { status: 426 } },
  "answers the upgrade with 404": { refusesAll: { status: 404 } },
  "refuses the upgrade with 401": { refusal: { status: 401, body: { error: { code: "invalid_api_key" } } } },
  "refuses the upgrade with 403": { refusal: { status: 403, body: { error: { code: "forbidden" } } } },
  "is at its limit at the upgrade": { refusal: { status: 429, body: { error: usageLimit } } },
  "has a fault at the upgrade": { refusal: { status: 500 } },
  "is at its limit": failing(429, usageLimit),
  "is limited for a moment": failing(
    429,
    { type: "requests", code: "rate_limit_exceeded", message: "slow" },
    { headers: { "retry-after": "2" } },
  ),
  "refuses the key": failing(401, { code: "invalid_api_key", message: "no" }),
  "calls the request invalid": {
    ...failing(400, { type: "invalid_request_error", message: "bad" }),
    ...{ isOwn: true, errors: 1 },
  },
  "is overloaded": failing(503, { code: "server_is_overloaded", message: "full" }),
  "has a fault": failing(500, { type: "server_error", message: "oops" }),
  "has lost the response": failing(400, {
    type: "invalid_request_error",
    code: "previous_response_not_found",
    message: "gone",
  }),
  "says that the socket is too old": failing(400, {
    code: "websocket_connection_limit_reached",
    message: "60 minutes",
  }),
  "fails in the answer": { fault: { kind: "failed", code: "server_error" } },
  "fails after response.created": { fault: { kind: "failed", code: "server_error", after: 2 } },
  "closes with 1000": closing(1000),
  "closes with 1008": closing(1008),
  "closes with 1009": closing(1009),
  "closes with 1011": closing(1011),
  "closes with 1012": closing(1012),
  "closes with 1013": closing(1013),
  "cuts TCP": closing(undefined),
  "cuts TCP after response.created": closing(undefined, 1),
  "cuts the answer in the middle": { ...closing(undefined, 5), isOwn: true, errors: 1 },
  "sends a binary frame": { fault: { kind: "binary" } },
  "says nothing": { fault: { kind: "silent" } },
} as const satisfies Record<string, Row>;

export type RowName = keyof typeof rows;

/** Requests of the conversation that meet the fault, counted from the warm-up; an upgrade is refused before all of them. */
export const places = {
  "the warm-up": 0,
  "the first request": 1,
  "a tool's result": 2,
  "the second turn": 4,
} as const;

export type Place = keyof typeof places;

/** Not where anything else goes wrong: on a busy machine an answer that comes late is served, and is not recorded. */
const impatient = "[upstream]\nconnect_timeout_seconds = 3\nfirst_byte_timeout_seconds = 3\n";

const provider = (url: string) =>
  `model_provider = "direct"\n\n[model_providers.direct]\nname = "direct"\nbase_url = "${url}/v1"\nwire_api = "responses"\nenv_key = "DIRECT_KEY"\nsupports_websockets = true\n`;

/** Plays the scene through the relay, whose first account has the fault, and holds it to the one without. */
export async function playFault(
  t: TestContext,
  { scene, row: name, place }: { scene: SceneName; row: RowName; place: Place },
): Promise<void> {
  const row: Row = rows[name];
  const expected = await playDirectly(t, { scene, row: row.isOwn ? row : {}, place });
  const sockets = createSocketScript();
  const stage = await startRelayStage(t, {
    type: "openai-responses",
    sockets,
    more: () => (row.fault?.kind === "silent" ? impatient : ""),
  });
  prepare(sockets, stage, row, place);
  const seen = await scenes[scene](stage, await setUpProvider(stage), watchQuiet(sockets));
  assert.deepEqual(seen, expected);
  if (row.fault)
    assert.ok(
      sockets.creates.some(({ outcome }) => outcome === "fault"),
      "the fault was met",
    );
  // A warm-up has no row.
  const errors = place === "the warm-up" ? 0 : (row.errors ?? 0);
  await assertRecorded(stage, sockets, errors);
}

const played = new Map<string, Promise<Scene>>();

interface Direct {
  scene: SceneName;
  row: Row;
  place: Place;
}

/** Once for all cells that are held to it. */
function playDirectly(t: TestContext, direct: Direct): Promise<Scene> {
  const { scene, row, place } = direct;
  const key = JSON.stringify([scene, row, row.fault && place]);
  const known = played.get(key) ?? startDirectly(t, direct);
  played.set(key, known);
  return known;
}

async function startDirectly(t: TestContext, { scene, row, place }: Direct): Promise<Scene> {
  const sockets = createSocketScript();
  const stage = await startDirectStage(t, sockets);
  prepare(sockets, stage, row, place);
  await stage.sandbox.write("home", ".codex/config.toml", provider(stage.upstream.url));
  return scenes[scene](stage, { DIRECT_KEY: firstKey }, watchQuiet(sockets));
}

function prepare(sockets: SocketScript, { upstream }: Stage, row: Row, place: Place): void {
  sockets.answerWith(codexModel);
  upstream.on(() => true, codexModel);
  sockets.refuseAll(row.refusesAll);
  if (row.refusal) sockets.refuse(firstKey, row.refusal);
  let thread: unknown;
  let count = 0;
  // In a terminal Codex has other conversations beside the one that is played.
  sockets.faultOf = ({ json }) => {
    thread ??= json.prompt_cache_key;
    return json.prompt_cache_key === thread && count++ === places[place] ? row.fault : undefined;
  };
}

function watchQuiet(sockets: SocketScript): () => boolean {
  let before = -1;
  return () => {
    const { creates, dialled } = sockets;
    const now = creates.length + dialled;
    const isQuiet = now === before && creates.every(({ outcome }) => outcome !== "open");
    before = now;
    return isQuiet;
  };
}

/** One row for each request, of the tokens that were served. */
async function assertRecorded(stage: RelayStage, sockets: SocketScript, errors: number): Promise<void> {
  const { rows: recorded, total } = await stage.relay.usage("account");
  assert.equal(total.errors, errors, JSON.stringify(recorded));
  const served = [...sockets.creates.map(({ usage }) => usage), stage.upstream.total()];
  assert.equal(
    total.tokens.output,
    served.reduce((sum, { output }) => sum + output, 0),
  );
  assert.deepEqual(
    stage.relay.log().filter(({ level }) => level === "error"),
    [],
  );
}
