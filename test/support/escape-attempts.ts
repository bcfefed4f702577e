// Attempts to make a credential leave for another host: with redirects, with what names a host in a request, with paths, models' names,
// and with credentials at the wrong API.

import { connect } from "node:net";
import type { Behaviour } from "./behaviour.ts";
import { claudeError, claudeFailures } from "./claude-script.ts";
import { type EscapeWorld, type HostName, relayKey, startEscapeWorld } from "./escape-world.ts";
import { geminiFailures } from "./gemini-script.ts";
import { openaiFailures } from "./openai-script.ts";
import { ownKeys, ownLogins } from "./own-logins.ts";

export interface EscapeOptions {
  attempts: number;
  seed: number;
}

/** Rejects at the first credential that is where it does not belong; else how often each was seen where it does. */
export async function tryEscapes({ attempts, seed }: EscapeOptions): Promise<ReadonlyMap<string, number>> {
  const world = await startEscapeWorld();
  try {
    const random = createRandom(seed);
    for (let attempt = 0; attempt < attempts; attempt++) await tryOne(world, random);
    return world.seen;
  } finally {
    await world.close();
  }
}

type Random = (below: number) => number;

async function tryOne(world: EscapeWorld, random: Random): Promise<void> {
  const pick = <T>(choices: readonly T[]): T => choices[random(choices.length)]!;
  const { elsewhere } = world;
  // Longer than any cooldown that a refusal begins.
  world.pass(3_700_000);
  world.behave((host) => behaviourAt(host, elsewhere, random));
  const isSocket = random(5) === 0;
  const route = isSocket ? responses : pick(routes);
  const model = pick([...models, ...hostileModels(elsewhere)]);
  const { path, body } = route(model);
  const isPooled = random(3) > 0;
  const credentials = Array.from({ length: random(3) }, () => pick(credentialHeaders)).flat();
  const headers = [
    ...(isPooled ? ["x-cc-relay-key", relayKey] : []),
    ...credentials,
    ...(random(2) === 0 ? pick(tricks(elsewhere)) : []),
    ...(random(4) === 0 ? ["x-cc-relay-account", pick(accountIds)] : []),
    ...(isSocket ? webSocket : random(8) === 0 ? http2 : []),
  ];
  const target = random(3) === 0 ? pick(targets)(path, elsewhere) : path;
  const query = pick(queries(elsewhere));
  const whole = target.includes("?") ? `${target}${query.replace("?", "&")}` : `${target}${query}`;
  const text = rawRequest({ target: whole, headers, body });
  const { port } = isPooled ? world.relay.app : world.passthrough.app;
  const frame = textFrame(JSON.stringify({ type: "response.create", ...(body as object) }));
  world.check(text, await exchange(port, { text, frame }));
}

/** All that comes back until the connection ends; one that has become a WebSocket carries the frame, and is ended here when that is answered. */
function exchange(port: number, { text, frame }: { text: string; frame: Buffer }): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    let isSent = false;
    socket.setTimeout(10_000, () => reject(new Error(`no end of the answer to ${text}: ${answer}`)));
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      answer += chunk;
      if (!answer.startsWith("HTTP/1.1 101 ")) return;
      if (!isSent) socket.write(frame);
      isSent = true;
      if (lastOfSocket.test(answer)) socket.destroy();
    });
    // A request that is refused early may find the connection reset.
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

/** The last event of an answer, or the first byte of a close frame. */
const lastOfSocket = /"type":"(?:error|response\.(?:completed|failed|incomplete))"|\x88/;

/** RFC 6455, section 5.2, with a mask of zeros. */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
}

/** Mostly good; else a refusal, so that the next account is asked, or an answer that names the other host. */
function behaviourAt(host: HostName, elsewhere: string, random: Random): Behaviour {
  const way = random(9);
  const location = [`http://${elsewhere}/v1/messages`, `//${elsewhere}/`, `http://x@${elsewhere}/`][
    random(3)
  ]!;
  if (way < 3) return {};
  if (way < 6)
    return { status: [300, 301, 302, 303, 307, 308][random(6)]!, headers: { location }, body: "moved" };
  if (way === 6)
    return {
      headers: {
        ...{ refresh: `0;url=${location}`, "alt-svc": `http/1.1="${elsewhere}"; ma=9999`, location },
        ...{ "content-location": location, link: `<${location}>; rel=preconnect` },
      },
    };
  if (way === 7) return { ...claudeError(421), headers: { location } };
  if (/openai|chatgpt/.test(host)) return [openaiFailures.quota, openaiFailures.unauthorized][random(2)]!();
  if (/gemini|code/.test(host)) return [geminiFailures.perDay, geminiFailures.keyInvalid][random(2)]!();
  return [claudeFailures.creditTooLow, claudeFailures.unauthorized, claudeFailures.bare429][random(3)]!();
}

type Route = (model: string) => { path: string; body: unknown };

const responses: Route = (model) => ({
  path: "/openai/v1/responses",
  body: { model, input: "hi", stream: true },
});

const routes: readonly Route[] = [
  responses,
  (model) => ({
    path: "/v1/messages",
    body: { model, max_tokens: 9, messages: [{ role: "user", content: "hi" }] },
  }),
  (model) => ({
    path: "/v1/messages/count_tokens",
    body: { model, messages: [{ role: "user", content: "hi" }] },
  }),
  (model) => ({
    path: "/v1/chat/completions",
    body: { model, messages: [{ role: "user", content: "hi" }] },
  }),
  (model) => ({
    path: `/v1beta/models/${encodeURIComponent(model)}:generateContent`,
    body: { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
  }),
  (model) => ({
    path: `/gemini/v1beta/models/${model}:generateContent`,
    body: { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
  }),
  (model) => ({
    path: "/v1internal:generateContent",
    body: { model, request: { contents: [{ role: "user", parts: [{ text: "hi" }] }] } },
  }),
  () => ({ path: "/openai/v1/models", body: undefined }),
  () => ({ path: "/v1/models", body: undefined }),
  (model) => ({ path: `/openai/v1/models/${model}`, body: undefined }),
];

const models = ["claude-opus-5-5", "gpt-5", "gemini-2.5-pro", "mapped-url", "mapped-at", "chain-a"];

const hostileModels = (elsewhere: string) => [
  `http://${elsewhere}/v1`,
  `//${elsewhere}/x`,
  `x@${elsewhere}`,
  `../../..//${elsewhere}`,
  `..%2f..%2f@${elsewhere}`,
  `m?x=@${elsewhere}`,
  `m#@${elsewhere}/`,
  `m\\@${elsewhere}`,
  `m\r\nHost: ${elsewhere}`,
];

const accountIds = [
  ...["own-claude", "own-gemini", "own-openai", "claude-key", "claude-setup", "claude-login", "claude-glm"],
  ...["claude-proxied", "gemini-key", "gemini-login", "openai-key", "openai-glm"],
];

/** Also where they do not belong, and in the places of other APIs. */
const credentialHeaders: readonly (readonly string[])[] = [
  ...Array.from({ length: 6 }, () => [...Object.values(ownLogins), ...Object.values(ownKeys)]).flat(),
  ...Object.values({ ...ownLogins, ...ownKeys }).flatMap(([, value = ""]) => {
    const token = value.replace(/^Bearer /, "");
    return [
      ["Authorization", `Bearer ${token}`],
      ["authorization", token],
      ["x-api-key", token],
      ["x-goog-api-key", token],
      ["X-Goog-Api-Key", ` ${token} `],
    ];
  }),
  ["chatgpt-account-id", "acct-made-up-1"],
  ["Authorization", `Bearer ${relayKey}`],
  ["x-api-key", relayKey],
];

const tricks = (elsewhere: string): readonly (readonly string[])[] => [
  ["Host", elsewhere],
  ["Host", "elsewhere.example"],
  ["X-Forwarded-Host", elsewhere],
  ["Forwarded", `host=${elsewhere};proto=http`],
  ["X-Forwarded-Server", elsewhere, "X-Original-Host", elsewhere, "X-Host", elsewhere],
  ["X-Original-URL", `http://${elsewhere}/v1/messages`, "X-Rewrite-URL", `//${elsewhere}/`],
  ["X-HTTP-Host-Override", elsewhere, "Via", `1.1 ${elsewhere}`],
  ["Location", `http://${elsewhere}/`, "Destination", `http://${elsewhere}/`],
  ["Proxy", `http://${elsewhere}`, "Proxy-Connection", "keep-alive"],
  ["Proxy-Authorization", "Basic cmVsYXk6eA=="],
  ["x-cc-relay-url", `http://${elsewhere}`, "x-cc-relay-api-url", `http://${elsewhere}`],
  ["api-base", `http://${elsewhere}`, "anthropic-base-url", `http://${elsewhere}`],
  ["Connection", "close, x-cc-relay-key, authorization"],
  ["Transfer-Encoding", "identity"],
];

const webSocket = [
  ...["Connection", "Upgrade, close", "Upgrade", "websocket"],
  ...["Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
];
const http2 = [
  ...["Connection", "Upgrade, HTTP2-Settings, close", "Upgrade", "h2c"],
  ...["HTTP2-Settings", "AAMAAABkAAQAAP__"],
];

const targets: readonly ((path: string, elsewhere: string) => string)[] = [
  (path, elsewhere) => `http://${elsewhere}${path}`,
  (path, elsewhere) => `https://${elsewhere}${path}`,
  (path, elsewhere) => `//${elsewhere}${path}`,
  (path, elsewhere) => `/\\${elsewhere}${path}`,
  (path, elsewhere) => `/@${elsewhere}${path}`,
  (path, elsewhere) => `${path}/../../../@${elsewhere}/`,
  (path, elsewhere) => `${path}@${elsewhere}`,
  (path, elsewhere) => `${path}%00@${elsewhere}`,
  (path, elsewhere) => `${path}#@${elsewhere}/`,
  (path) => `/api${path}`,
  (path) => `/claude${path}`,
];

const queries = (elsewhere: string) => [
  "",
  "",
  `?api_url=http://${elsewhere}&base_url=//${elsewhere}`,
  `?key=${ownKeys.gemini[1]}`,
  `?key=${ownKeys.claude[1]}&alt=sse`,
  `?key=${relayKey}`,
  `?%6bey=${ownLogins.google[1].replace("Bearer ", "")}`,
];

interface RawRequest {
  target: string;
  headers: readonly string[];
  body: unknown;
}

function rawRequest({ target, headers, body }: RawRequest): string {
  const isUpgrade = headers.includes("websocket");
  const json = body === undefined || isUpgrade ? "" : JSON.stringify(body);
  const has = (name: string) => headers.some((each, at) => at % 2 === 0 && each.toLowerCase() === name);
  const lines = [
    `${json === "" ? "GET" : "POST"} ${target.replaceAll(/[\r\n ]/g, "%20")} HTTP/1.1`,
    ...(has("host") ? [] : ["Host: 127.0.0.1"]),
    ...(has("connection") ? [] : ["Connection: close"]),
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(json)}`,
  ];
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n${json}`;
}

/** Numbers that a seed repeats (Park and Miller). */
function createRandom(seed: number): Random {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}
