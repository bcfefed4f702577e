// One exchange with a token endpoint: a code or a refresh token in, a pair out.

import type { Dispatcher } from "undici";
import type { OAuthProvider } from "../account-kinds/oauth-provider.ts";
import { readNetworkFault } from "../network/faults.ts";
import { isLoopbackHost } from "../network/loopback.ts";
import { redact } from "../text/redact.ts";
import { fetchSmallAnswer, type SmallAnswer } from "./small-answer.ts";
import {
  parseObject,
  readGrant,
  readTokenAnswer,
  type TokenFailure,
  type TokenGrant,
} from "./token-answer.ts";

export interface TokenRequest {
  provider: OAuthProvider;
  /** The account's own dispatcher: its proxy carries logins too. */
  dispatcher: Dispatcher;
  /** In the order they are sent; client id and secret are added. */
  parameters: readonly [name: string, value: string][];
  /** Raw pairs. */
  headers?: readonly string[];
  signal?: AbortSignal;
  now: () => number;
}

export type TokenReply =
  | { ok: true; grant: TokenGrant }
  | {
      ok: false;
      failure:
        | TokenFailure
        | { kind: "proxy" | "unreached" | "shortage" | "aborted"; detail: string; retryAfterMs?: undefined };
      /** The endpoint may have carried the exchange out, and its answer was lost on the way. */
      outcomeUnknown: boolean;
    };

/** A provider that has not answered by then never will; less would throw away answers that are only slow. */
const limitMs = 60_000;

const maxAnswerBytes = 1024 * 1024;

export async function requestToken(request: TokenRequest): Promise<TokenReply> {
  const url = new URL(request.provider.tokenUrl);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopbackHost(url.hostname))) {
    const failure = { kind: "rejected", detail: `${url.host} is to be spoken to by https` } as const;
    return { ok: false, failure, outcomeUnknown: false };
  }
  const limit = AbortSignal.timeout(limitMs);
  try {
    const answer = await fetchSmallAnswer({
      dispatcher: request.dispatcher,
      url,
      method: "POST",
      ...encodeRequest(request),
      signal: request.signal ? AbortSignal.any([request.signal, limit]) : limit,
      maxBytes: maxAnswerBytes,
      // What comes after a whole pair changes nothing, a connection that breaks or stays open neither.
      isEnough: (status, body) => isGood(status) && holdsGrant(body),
    });
    return readReply(answer, request);
  } catch (error) {
    return readFault(error, request.signal?.aborted ?? false);
  }
}

function readReply(answer: SmallAnswer, request: TokenRequest): TokenReply {
  const head = { status: answer.status, retryAfter: answer.header("retry-after") };
  const whole = readTokenAnswer(head, answer.body, request.now());
  if (whole.ok) return whole;
  // Some endpoints echo what they were sent. Taken out before the text is shortened: half a secret is recognised by nobody.
  const read = readTokenAnswer(head, redact(answer.body, sentSecrets(request)), request.now());
  if (read.ok) return read;
  const { host } = new URL(request.provider.tokenUrl);
  const failure = { ...read.failure, detail: `${host} ${read.failure.detail}` };
  if (!isGood(answer.status)) return { ok: false, failure, outcomeUnknown: false };
  // It said yes, and what it handed out did not arrive.
  return answer.truncatedBy === undefined
    ? { ok: false, failure, outcomeUnknown: true }
    : readFault(answer.truncatedBy, request.signal?.aborted ?? false);
}

/** As they were sent, and as they are written in JSON and in forms. */
function sentSecrets({ provider, parameters }: TokenRequest): string[] {
  const values = parameters.filter(([name]) => secretParameters.has(name)).map(([, value]) => value);
  if (provider.clientSecret !== undefined) values.push(provider.clientSecret);
  return values.flatMap((value) => [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]);
}

const secretParameters: ReadonlySet<string> = new Set(["refresh_token", "code", "code_verifier"]);

function readFault(error: unknown, aborted: boolean): TokenReply {
  const fault = readNetworkFault(error);
  const outcomeUnknown = fault.mayBeProcessed;
  if (aborted) return { ok: false, failure: { kind: "aborted", detail: fault.message }, outcomeUnknown };
  const kind = fault.kind === "proxy" || fault.kind === "shortage" ? fault.kind : "unreached";
  return { ok: false, failure: { kind, detail: fault.message }, outcomeUnknown };
}

function encodeRequest({ provider, parameters, headers = [] }: TokenRequest): {
  headers: string[];
  body: string;
} {
  const all: [string, string][] = [...parameters, ["client_id", provider.clientId]];
  if (provider.clientSecret !== undefined) all.push(["client_secret", provider.clientSecret]);
  const json = provider.encoding === "json";
  return {
    headers: [
      ...["content-type", json ? "application/json" : "application/x-www-form-urlencoded"],
      ...["accept", "application/json", "accept-encoding", "identity", "user-agent", "cc-relay"],
      ...headers,
    ],
    body: json ? JSON.stringify(Object.fromEntries(all)) : new URLSearchParams(all).toString(),
  };
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}

function holdsGrant(body: string): boolean {
  const json = parseObject(body);
  return json !== undefined && readGrant(json) !== undefined;
}
