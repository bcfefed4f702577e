// A simulated provider inside the process: real HTTP on a loopback port, two accounts for each family, one of them limited
// now and then, and an account whose key is refused. Everything it says, it says as a simulation.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import * as zlib from "node:zlib";
import type { AccountConfig } from "../config/config.ts";
import { defaultAccount } from "../config/defaults.ts";
import { type Family, families } from "../domain/family.ts";
import { isObject, type JsonObject } from "../json/json-values.ts";
import { http } from "../network/http.ts";
import { keyKinds } from "../upstreams/kinds.ts";
import { createSimulatedAccount, type SimulatedAccount } from "./account.ts";
import { demoAccountId } from "./account-id.ts";
import type { DemoAnswer, SimulatedProvider } from "./answer.ts";
import { claudeDemo } from "./claude.ts";
import { geminiDemo } from "./gemini.ts";
import { openaiDemo } from "./openai.ts";

export interface Demo {
  /** The base URL of each family's simulated provider, as `api_url` would name it. */
  urls: Record<Family, string>;
  /** Two for each family, the first one preferred, and the one with the limit; and a Claude account whose key is refused. */
  accounts: AccountConfig[];
  close(): Promise<void>;
}

export interface DemoOptions {
  /** Between the pieces of a stream. */
  pauseMs?: number;
  /** Before an answer begins. */
  latencyMs?: number;
  /** The first account of a family begins with a full window, and each further one is full after so many requests. */
  requestsPerWindow?: number;
  /** How long such a window lasts. Above session.max_wait_seconds, or the relay would wait instead of moving on. */
  windowMs?: number;
  /** Epoch ms. */
  clock?: () => number;
}

const providers: Readonly<Record<Family, SimulatedProvider>> = {
  claude: claudeDemo,
  gemini: geminiDemo,
  openai: openaiDemo,
};

const revokedKey = "simulated-claude-key-revoked";

/** As far as the relay itself would go by default. */
const maxBodyBytes = 64 * 1024 * 1024;

export async function startDemo(options: DemoOptions = {}): Promise<Demo> {
  const settings = {
    pauseMs: 60,
    latencyMs: 200,
    requestsPerWindow: 4,
    windowMs: 90_000,
    clock: Date.now,
    ...options,
  };
  const byKey = new Map<string, SimulatedAccount>();
  let requests = 0;

  const server = http.createServer((request, response) => {
    requests += 1;
    const number = requests;
    void handle(request, { byKey, number, now: settings.clock() })
      .catch((error: unknown): DemoAnswer => failed(error))
      .then((answer) => send(response, answer, settings));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const urls = { claude: origin, gemini: origin, openai: `${origin}/v1` };
  const accounts = families.flatMap((family, index) =>
    ([1, 2] as const).map((position) => {
      const account = configOf(family, position, urls[family]);
      const simulated =
        position === 1
          ? { ...settings, isLimited: true, weekUsed: 0.55 }
          : {
              requestsPerWindow: 60,
              windowMs: 5 * settings.windowMs,
              isLimited: false,
              weekUsed: 0.1 * (index + 1),
            };
      byKey.set(account.secret, createSimulatedAccount(simulated));
      return account;
    }),
  );
  accounts.push(refusedAccount(urls.claude));
  return {
    urls,
    accounts,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function configOf(family: Family, position: 1 | 2 | 3, apiUrl: string): AccountConfig {
  return defaultAccount({
    id: demoAccountId(family, position),
    name: `Simulated ${family} account ${position}`,
    kind: keyKinds[family],
    priority: position === 1 ? 110 : 100,
    apiUrl,
    secret: `simulated-${family}-key-${position}`,
  });
}

/** The first choice, so that the first request finds out. */
function refusedAccount(apiUrl: string): AccountConfig {
  return {
    ...configOf("claude", 3, apiUrl),
    name: "Simulated claude account with a revoked key",
    priority: 120,
    secret: revokedKey,
  };
}

interface Surroundings {
  byKey: ReadonlyMap<string, SimulatedAccount>;
  number: number;
  now: number;
}

/** The key says the family as well: two of them have a `/v1/models`. */
async function handle(request: IncomingMessage, { byKey, number, now }: Surroundings): Promise<DemoAnswer> {
  const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://demo");
  const provider = Object.values(providers).find(({ family, readKey }) =>
    readKey(request.headers, query)?.startsWith(`simulated-${family}-`),
  );
  const key = provider?.readKey(request.headers, query) ?? "";
  const account = byKey.get(key);
  const body = await readBody(request);
  if (provider && key === revokedKey) {
    return provider.refuse(401, "invalid x-api-key (simulated: this key was revoked)");
  }
  if (!provider || !account) {
    return guessProvider(pathname).refuse(401, "The demo takes the keys of its own accounts only.");
  }
  if (body === undefined) return provider.refuse(400, "The request body is not a JSON object.");
  return provider.answer({
    method: request.method ?? "GET",
    path: pathname,
    query,
    body,
    account,
    number,
    now,
  });
}

/** Whose error a request without a usable key gets. */
function guessProvider(path: string): SimulatedProvider {
  if (path.startsWith("/v1/messages")) return providers.claude;
  return /^\/v1(beta)?\/models\//.test(path) ? providers.gemini : providers.openai;
}

/** Undefined when it is no JSON object, an empty one when there is no body. */
async function readBody(request: IncomingMessage): Promise<JsonObject | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  if (size === 0) return {};
  try {
    const value: unknown = JSON.parse(
      decode(Buffer.concat(chunks), request.headers["content-encoding"]).toString(),
    );
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function decode(bytes: Buffer, encoding: string | undefined): Buffer {
  const options = { maxOutputLength: maxBodyBytes };
  switch (encoding?.toLowerCase()) {
    case "gzip":
      return zlib.gunzipSync(bytes, options);
    case "deflate":
      return zlib.inflateSync(bytes, options);
    case "br":
      return zlib.brotliDecompressSync(bytes, options);
    case "zstd":
      return zlib.zstdDecompressSync(bytes, options);
    default:
      return bytes;
  }
}

function failed(error: unknown): DemoAnswer {
  const message = `The demo failed: ${error instanceof Error ? error.message : String(error)}`;
  return { status: 500, headers: { "content-type": "text/plain" }, pieces: [message] };
}

/** Stops as soon as nobody reads any more. */
async function send(
  response: ServerResponse,
  answer: DemoAnswer,
  { pauseMs, latencyMs }: { pauseMs: number; latencyMs: number },
): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  // A client that leaves is not reported: nothing more is written.
  response.on("error", () => gone.abort());
  try {
    await sleep(latencyMs, undefined, { signal: gone.signal });
    const [first = "", ...rest] = answer.pieces;
    response.writeHead(answer.status, answer.headers);
    response.write(first);
    for (const piece of rest) {
      await sleep(pauseMs, undefined, { signal: gone.signal });
      response.write(piece);
    }
    response.end();
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  }
}
