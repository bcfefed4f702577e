// What the server answers without the pipeline: paths, methods and codings that it does not take, each as an error of the nearest API.

import type { IncomingMessage, ServerResponse } from "node:http";
import { baseUrlHint, nearestDialect, type ReadPath } from "../dialects/registry.ts";
import { RelayError } from "../domain/errors.ts";
import { sendRendered } from "../relay/client.ts";
import { asRelayError, reportFault } from "../relay/deliver-relay-error.ts";
import type { RelayDeps } from "../relay/exchange.ts";
import { createHttpSink } from "./http-client.ts";
import { routes } from "./own-routes.ts";

export interface Refused {
  id: string;
  request: IncomingMessage;
  response: ServerResponse;
  error: unknown;
  path: string;
  /** Raw pairs of the answer's head. */
  cors: string[];
}

export function refuse(deps: RelayDeps, { id, request, response, error, path, cors }: Refused): void {
  const relayError = asRelayError(error);
  reportFault({ request: id, error, relayError }, deps);
  if (response.headersSent) return void response.destroy();
  const rendered = nearestDialect(path).renderError(relayError, { now: deps.now() });
  deps.events.emit("requestRefused", () => ({
    request: id,
    method: request.method ?? "",
    route: loggable(path),
    error: relayError.code,
    status: rendered.status,
    detail: relayError.logged,
  }));
  sendRendered(createHttpSink(response, { headers: cors, timers: deps.timers }), rendered);
}

const routeWords = new Set(routes.flatMap((route) => route.split(/[ /:|{}]/)));

/** A client may put a secret into a path: only segments of the relay's own routes are shown. */
function loggable(path: string): string {
  const words = path.slice(0, 200).split("/");
  return words.map((word) => (routeWords.has(word) ? word : "…")).join("/");
}

/** What other servers would take for another path never goes to one. */
export function refusePath(path: string, fault: NonNullable<ReadPath["fault"]>): never {
  const what = fault === "dot-segment" ? "has a dot segment" : "has an id with characters that no id has";
  throw new RelayError("invalid_request", `The path ${shown(path)} ${what}; write the id as it is.`, {
    shouldRetry: false,
  });
}

/** RFC 9112, section 6.1. Node undoes `chunked` alone: the provider would get the rest as if it were the body. */
export function checkTransferCoding({ headers }: IncomingMessage): void {
  const coding = headers["transfer-encoding"] ?? "chunked";
  if (coding.trim().toLowerCase() === "chunked") return;
  const shown = JSON.stringify(coding.slice(0, 40));
  throw new RelayError(
    "unsupported_encoding",
    `The transfer-encoding ${shown} cannot be read; send chunked.`,
    {
      shouldRetry: false,
    },
  );
}

export function wrongMethod(
  { method }: IncomingMessage,
  path: string,
  methods: readonly string[],
): RelayError {
  const message = `${shown(path)} takes ${methods.join(" or ")}, not ${method}.`;
  return new RelayError("method_not_allowed", message, { shouldRetry: false });
}

export function noRoute(request: IncomingMessage, path: string): RelayError {
  const hint = baseUrlHint(path, request.headers.host ?? "127.0.0.1");
  const advice = hint ? `use ${hint} as the base URL` : "GET / lists the routes";
  return new RelayError("not_found", `cc-relay has no route ${shown(path)}; ${advice}.`, {
    shouldRetry: false,
  });
}

function shown(path: string): string {
  return JSON.stringify(path.length > 120 ? `${path.slice(0, 120)}…` : path);
}
