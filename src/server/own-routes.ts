// The relay's own routes: health, metrics, the list of routes, and the probes that clients send before anything else.

import type { IncomingMessage, ServerResponse } from "node:http";
import { RelayError } from "../domain/errors.ts";
import { authenticate } from "../relay/authenticate.ts";
import type { RelayDeps } from "../relay/exchange.ts";

export interface OwnRouteRequest {
  request: IncomingMessage;
  response: ServerResponse;
  path: string;
  query: string;
  version: string;
  /** Epoch ms. */
  startedAt: number;
  deps: RelayDeps;
}

/** Claude Code asks `HEAD {base}/api/hello` at its start and does not wait for the answer; the base may carry an alias. */
const probe = /^(\/(api|claude))?\/(api\/hello)?$|^\/(api|claude)$/;

export function isProbe(path: string): boolean {
  return probe.test(path);
}

/** Whether the path was one of the relay's own, and has been answered. */
export async function answerOwnRoute(own: OwnRouteRequest): Promise<boolean> {
  const { request, response, path, query, deps } = own;
  if (request.method === "HEAD" && (isProbe(path) || path === "/health")) {
    response.writeHead(200).end();
    return true;
  }
  if (path !== "/health" && path !== "/metrics" && path !== "/") return false;
  if (path !== "/health") authenticate(request.headers, query, deps.config());
  if (request.method !== "GET") {
    response.setHeader("allow", path === "/metrics" ? "GET" : "GET, HEAD");
    throw new RelayError("method_not_allowed", `${path} takes GET only.`, { shouldRetry: false });
  }
  switch (path) {
    case "/health":
      sendJson(response, {
        status: "ok",
        version: own.version,
        uptime_seconds: Math.floor((deps.now() - own.startedAt) / 1000),
      });
      return true;
    case "/metrics":
      response.writeHead(200, { "content-type": deps.metrics.contentType }).end(await deps.metrics.render());
      return true;
    default:
      sendJson(response, { name: "cc-relay", version: own.version, routes });
      return true;
  }
}

/** As `GET /` shows them; a test holds them against the dialects' own matching. */
export const routes: readonly string[] = [
  "POST /v1/messages",
  "POST /v1/messages/count_tokens",
  "GET /v1/models",
  "GET /v1/models/{id}",
  "POST /gemini/v1beta/models/{model}:{generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents}",
  "POST /v1/models/{model}:{generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents}",
  "GET /gemini/v1beta/models",
  "GET /gemini/v1beta/models/{model}",
  "POST /gemini/v1internal:{method}",
  "POST /openai/v1/responses",
  "POST /openai/v1/responses/compact",
  "POST /openai/v1/responses/input_tokens",
  "GET /openai/v1/responses/{id}",
  "GET /openai/v1/models",
  "POST /openai/v1/chat/completions",
  "GET /ui",
  "GET /status",
  "GET /health",
  "GET /metrics",
  "GET /",
];

function sendJson(response: ServerResponse, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`;
  response
    .writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) })
    .end(body);
}
