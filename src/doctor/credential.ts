// Checks whether a provider accepts an account's key or login: one cheap request that reads something and uses no tokens.

import { type Dispatcher, request } from "undici";
import type { Probe } from "../account-kinds/account-kind.ts";
import { type Credential, fixedCredential } from "../account-kinds/credential.ts";
import type { AccountConfig } from "../config/config.ts";
import { type Call, wholeBody } from "../domain/call.ts";
import type { LoginExtras } from "../domain/token-store.ts";
import { readNetworkFault } from "../network/faults.ts";
import type { LoginToken } from "../oauth/tokens.ts";
import { tryAgain } from "./check.ts";
import type { ClockReading } from "./clock.ts";
import { readFailure, readLoginFailure, readRedirect, type Verdict } from "./verdict.ts";

/** The logins' tokens, one source with the relay's: under the same locks, and every refreshed one is kept. */
export interface LoginSource {
  /** A stored token as long as there is a good one: only else a new one. */
  credential(account: AccountConfig, signal: AbortSignal): Promise<LoginToken>;
  /** When the account's setup token ends, epoch ms; undefined while nobody knows, because it was never used. */
  setupTokenEnd(account: AccountConfig): Promise<number | undefined>;
  /** The provider refused a token: refreshed once. */
  refused(account: AccountConfig, token: string, signal: AbortSignal): Promise<LoginToken>;
}

export interface TrialOptions {
  /** The account's own: its proxy carries this request too. */
  dispatcher: Dispatcher;
  logins: LoginSource;
  /** For each request. */
  limitMs: number;
  now(): number;
}

export interface Trial {
  verdict: Verdict;
  /** What the provider's answer said about the time. */
  clock: ClockReading | undefined;
}

export async function tryCredential(account: AccountConfig, options: TrialOptions): Promise<Trial> {
  const fixed = fixedCredential(account);
  if (fixed !== undefined) return ask(account, fixed, options);
  const limit = AbortSignal.timeout(options.limitMs);
  const first = await options.logins.credential(account, limit);
  if (!first.ok) return { verdict: readLoginFailure(account, first, options.limitMs), clock: undefined };
  const trial = await ask(account, bearer(first), options);
  if (trial.verdict.kind !== "refused") return trial;
  // As the relay does it: a token can end early, and the login be good.
  const again = await options.logins.refused(account, first.token, AbortSignal.timeout(options.limitMs));
  if (!again.ok) return { verdict: readLoginFailure(account, again, options.limitMs), clock: trial.clock };
  return ask(account, bearer(again), options);
}

function bearer({ token, extras }: LoginToken & { ok: true }): Credential {
  return { kind: "bearer", token, extras };
}

async function ask(account: AccountConfig, credential: Credential, options: TrialOptions): Promise<Trial> {
  const { upstream, probe } = account.kind;
  if (probe === undefined) return { verdict: { kind: "accepted" }, clock: undefined };
  const call = probeCall(account, probe(extrasOf(credential)));
  const { origin, path, method, headers, body } = upstream.prepare(call, {
    apiUrl: account.apiUrl,
    credential,
  });
  const sentAt = options.now();
  try {
    const reply = await request(new URL(origin + path), {
      dispatcher: options.dispatcher,
      method: method as Dispatcher.HttpMethod,
      headers,
      body: body === undefined ? null : wholeBody(body),
      signal: AbortSignal.timeout(options.limitMs),
    });
    const clock = readClock(origin, reply.headers, (sentAt + options.now()) / 2);
    const head = { status: reply.statusCode, headers: reply.headers };
    const answer = await readSome(reply.body);
    if (head.status < 300) return { verdict: { kind: "accepted" }, clock };
    if (head.status < 400) return { verdict: readRedirect(account, head.status), clock };
    const failure = upstream.readFailure(head, answer, call, options.now());
    return { verdict: readFailure(account, failure), clock };
  } catch (error) {
    const fact = readNetworkFault(error).message;
    const verdict = { kind: "troubled", fails: true, fact, fix: tryAgain } as const;
    return { verdict, clock: undefined };
  }
}

function extrasOf(credential: Credential): LoginExtras {
  return (credential.kind === "bearer" && credential.extras) || {};
}

function probeCall(account: AccountConfig, { operation, method, path, query, headers, body }: Probe): Call {
  return {
    id: "doctor",
    dialect: account.family,
    family: account.family,
    operation,
    method,
    path,
    query,
    headers: ["accept", "application/json", "user-agent", "cc-relay", ...headers],
    clientCredential: [],
    clientQuery: "",
    acceptEncoding: undefined,
    body: body === undefined ? undefined : Buffer.from(body),
    decodedBody: undefined,
    model: undefined,
    stream: false,
    streamForm: undefined,
    sessionKey: undefined,
    binding: undefined,
    excludesLogins: false,
    headerBudgetMs: undefined,
  };
}

/** Undefined without a readable Date header. An answer out of a cache is as old as its Age says (RFC 9111). */
function readClock(
  origin: string,
  headers: Record<string, string | string[] | undefined>,
  ours: number,
): ClockReading | undefined {
  const theirs = Date.parse([headers.date].flat()[0] ?? "");
  if (Number.isNaN(theirs)) return undefined;
  const age = Number([headers.age].flat()[0] ?? 0);
  return { host: new URL(origin).hostname, theirs: theirs + (Number.isFinite(age) ? age * 1000 : 0), ours };
}

const maxBytes = 256 * 1024;

async function readSome(body: Dispatcher.ResponseData["body"]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    // Leaving the loop destroys the body, and with it the connection.
    if (size >= maxBytes) break;
  }
  return Buffer.concat(chunks);
}
