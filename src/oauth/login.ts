// Logs a person in with OAuth and PKCE: through the browser and a loopback address, or by pasting a code.

import type { Dispatcher } from "undici";
import type { OAuthProvider } from "../account-kinds/oauth-provider.ts";
import { type CallbackServer, type CallbackVerdict, startCallbackServer } from "./callback-server.ts";
import { readPastedCode } from "./pasted-code.ts";
import { createLoginSecrets, isSameSecret, type LoginSecrets } from "./pkce.ts";
import { oneLine } from "./provider-text.ts";
import { requestToken, type TokenReply } from "./token-request.ts";

/** The addresses a person can go to. */
export interface LoginLinks {
  /** Ends at this machine's loopback address, where the login waits: for a browser on this machine. Undefined: not offered. */
  automatic: string | undefined;
  /** Ends at a page that shows a code, or at an address that holds it, to be pasted: for a browser anywhere. */
  manual: string;
}

/** How the login talks to the person; the terminal and the browser are behind it. */
export interface LoginPrompts {
  /** Shows the addresses. Called once, before anything else. */
  show(links: LoginLinks): void;
  /** Opens the automatic address in the browser; undefined with --no-browser. May fail: the address has been shown. */
  open?(url: string): Promise<void>;
  /**
   * Asks for the code; asked again with what was wrong with the last one. Undefined when nobody can be asked.
   * Rejects, or resolves with undefined, when the person cancels.
   */
  paste?(problem: string | undefined, signal: AbortSignal): Promise<string | undefined>;
}

export interface LoginOptions {
  provider: OAuthProvider;
  /** The account's own dispatcher: its proxy carries the login. */
  dispatcher: Dispatcher;
  prompts: LoginPrompts;
  /** Ctrl-C. */
  signal: AbortSignal;
  now?: () => number;
  /** Ten minutes unless a test is in a hurry. */
  limitMs?: number;
}

/** What a login hands out. */
export interface Login {
  refreshToken: string;
  accessToken: string | undefined;
  /** Epoch ms; undefined without an access token. */
  expiresAt: number | undefined;
  /** The person who logged in, where the provider says so. */
  owner: string | undefined;
}

export type LoginResult =
  | { ok: true; login: Login }
  | {
      ok: false;
      reason: "cancelled" | "timed-out" | "denied" | "refused" | "no-refresh-token" | "unreachable" | "proxy";
      /** One sentence without a full stop and without secrets. */
      message: string;
    };

const defaultLimitMs = 600_000;

/** Leaves nothing behind however it ends: no listening port, no timer, no file. */
export async function logIn(options: LoginOptions): Promise<LoginResult> {
  const secrets = createLoginSecrets();
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), options.limitMs ?? defaultLimitMs);
  let server: CallbackServer | undefined;
  try {
    server = await startServer(options, secrets);
    const redirects = readRedirects(options.provider, server);
    if (redirects === undefined || (server === undefined && options.prompts.paste === undefined))
      return noWay(options);
    const answer = await ask({ options, secrets, server, redirects, limit: limit.signal });
    if (answer.kind === "failed") return answer.result;
    const result = await exchange(answer, { options, secrets, limit: limit.signal });
    answer.show?.(result.ok ? loggedIn : { ok: false, text: result.message });
    return result;
  } finally {
    clearTimeout(timer);
    await server?.close();
  }
}

const loggedIn: CallbackVerdict = { ok: true, text: "You can close this page and go back to the terminal." };

/** Undefined where no browser is to come, and where the wanted port is taken: then the address is pasted. */
async function startServer(
  options: LoginOptions,
  secrets: LoginSecrets,
): Promise<CallbackServer | undefined> {
  const { loopback, page } = options.provider.redirects;
  const { open, paste } = options.prompts;
  const pasteOnly = open === undefined && page !== undefined && paste !== undefined;
  if (loopback === undefined || pasteOnly) return undefined;
  try {
    return await startCallbackServer({ port: loopback.port, path: loopback.path, state: secrets.state });
  } catch {
    return undefined;
  }
}

interface Redirects {
  /** The loopback address; undefined when nothing waits there. */
  loopback: string | undefined;
  /** What a code that is pasted alone was asked for. */
  manual: string;
}

/** Undefined when there is none at all: the client's one port is taken. */
function readRedirects(provider: OAuthProvider, server: CallbackServer | undefined): Redirects | undefined {
  const { loopback, page } = provider.redirects;
  const port = server?.port ?? loopback?.port;
  const local = loopback && port ? `http://${loopback.host}:${port}${loopback.path}` : undefined;
  // Without a page the browser ends at an address that it may not reach, and that address is pasted.
  const manual = page ?? local;
  return manual === undefined ? undefined : { loopback: server && local, manual };
}

function noWay({ provider }: LoginOptions): LoginResult {
  const port = provider.redirects.loopback?.port;
  const message = port
    ? `port ${port} of this machine is taken, so the browser could not come back, and there is no terminal to paste a code into`
    : "the browser could not come back to this machine, and there is no terminal to paste a code into";
  return { ok: false, reason: "cancelled", message };
}

type Answer =
  | { kind: "code"; code: string; redirectUri: string; show?: (verdict: CallbackVerdict) => void }
  | { kind: "failed"; result: LoginResult & { ok: false } };

interface Question {
  options: LoginOptions;
  secrets: LoginSecrets;
  server: CallbackServer | undefined;
  redirects: Redirects;
  limit: AbortSignal;
}

/** Whatever comes first: the browser, a pasted code, Ctrl-C, the end of the time. */
async function ask({ options, secrets, server, redirects, limit }: Question): Promise<Answer> {
  const { prompts, provider, signal } = options;
  const link = (redirectUri: string) => authorizeLink(provider, secrets, redirectUri);
  const automatic = redirects.loopback === undefined ? undefined : link(redirects.loopback);
  prompts.show({ automatic, manual: link(redirects.manual) });

  const answered = new AbortController();
  const over = AbortSignal.any([signal, limit, answered.signal]);
  try {
    const ways = [ended(signal, "cancelled"), ended(limit, "timed-out")];
    if (server !== undefined) ways.push(fromBrowser(server, redirects.loopback ?? redirects.manual));
    if (prompts.paste !== undefined)
      ways.push(fromPaste(prompts.paste, { secrets, redirects, signal: over }));
    // A browser that cannot be opened is no failure: the address has been shown.
    if (automatic !== undefined) prompts.open?.(automatic).catch(() => {});
    return await Promise.race(ways);
  } finally {
    answered.abort();
  }
}

function authorizeLink(provider: OAuthProvider, secrets: LoginSecrets, redirectUri: string): string {
  const url = new URL(provider.authorizeUrl);
  const parameters: [string, string][] = [
    ...provider.authorizeExtras,
    ["client_id", provider.clientId],
    ["response_type", "code"],
    ["redirect_uri", redirectUri],
    ["scope", provider.scopes.join(" ")],
    ["code_challenge", secrets.challenge],
    ["code_challenge_method", "S256"],
    ["state", secrets.state],
  ];
  for (const [name, value] of parameters) url.searchParams.append(name, value);
  return url.href;
}

function ended(signal: AbortSignal, reason: "cancelled" | "timed-out"): Promise<Answer> {
  const message = reason === "cancelled" ? "the login was cancelled" : "nobody finished the login in time";
  const answer: Answer = { kind: "failed", result: { ok: false, reason, message } };
  return new Promise((resolve) => {
    if (signal.aborted) resolve(answer);
    else signal.addEventListener("abort", () => resolve(answer), { once: true });
  });
}

async function fromBrowser(server: CallbackServer, redirectUri: string): Promise<Answer> {
  const callback = await server.callback;
  if (callback.kind === "code") return { ...callback, redirectUri };
  return {
    kind: "failed",
    result: { ok: false, reason: "denied", message: `the login was refused: ${oneLine(callback.text)}` },
  };
}

interface PasteContext {
  secrets: LoginSecrets;
  redirects: Redirects;
  /** The login is over. */
  signal: AbortSignal;
}

async function fromPaste(paste: NonNullable<LoginPrompts["paste"]>, context: PasteContext): Promise<Answer> {
  let problem: string | undefined;
  while (!context.signal.aborted) {
    const text = await paste(problem, context.signal).catch(() => undefined);
    if (text === undefined) break;
    const read = readPastedCode(text);
    if (!read.ok) {
      problem = read.problem;
      continue;
    }
    const { code, state, redirect } = read.pasted;
    if (state !== undefined && !isSameSecret(state, context.secrets.state)) {
      problem = "that code belongs to another login: use the address shown here, and paste what it ends at";
      continue;
    }
    const { loopback, manual } = context.redirects;
    return {
      kind: "code",
      code,
      redirectUri: redirect !== undefined && redirect === loopback ? loopback : manual,
    };
  }
  return { kind: "failed", result: { ok: false, reason: "cancelled", message: "the login was cancelled" } };
}

interface ExchangeContext {
  options: LoginOptions;
  secrets: LoginSecrets;
  limit: AbortSignal;
}

async function exchange(
  answer: Answer & { kind: "code" },
  { options, secrets, limit }: ExchangeContext,
): Promise<LoginResult> {
  const { provider, dispatcher, now = Date.now } = options;
  const reply = await requestToken({
    provider,
    dispatcher,
    parameters: [
      ["grant_type", "authorization_code"],
      ["code", answer.code],
      ...(provider.sendsState ? [["state", secrets.state] as [string, string]] : []),
      ["redirect_uri", answer.redirectUri],
      ["code_verifier", secrets.verifier],
    ],
    signal: AbortSignal.any([options.signal, limit]),
    now,
  });
  if (!reply.ok) return describeFailure(provider, reply);
  const { access, refreshToken, owner } = reply.grant;
  if (refreshToken === undefined) {
    const message = `${provider.title} handed out no refresh token, and without one the login ends within hours`;
    return { ok: false, reason: "no-refresh-token", message };
  }
  const expiresAt = access && now() + access.expiresInMs;
  return { ok: true, login: { refreshToken, accessToken: access?.token, expiresAt, owner } };
}

function describeFailure(provider: OAuthProvider, { failure }: TokenReply & { ok: false }): LoginResult {
  switch (failure.kind) {
    case "revoked":
    case "rejected":
      return {
        ok: false,
        reason: "refused",
        message: `${provider.title} did not take the code: ${failure.detail}`,
      };
    case "proxy":
      return { ok: false, reason: "proxy", message: failure.detail };
    case "aborted":
      return { ok: false, reason: "cancelled", message: "the login was cancelled" };
    case "throttled":
    case "temporary":
    case "unreached":
    case "shortage":
      return {
        ok: false,
        reason: "unreachable",
        message: `the code could not be exchanged: ${failure.detail}`,
      };
  }
}
