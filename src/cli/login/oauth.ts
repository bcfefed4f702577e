// Runs the OAuth login, on a terminal and in a pipe.

import type { Dispatcher } from "undici";
import type { OAuthProvider } from "../../account-kinds/oauth-provider.ts";
import { toRun, UserError } from "../../domain/errors.ts";
import { describeProxy } from "../../network/proxy.ts";
import {
  type Login,
  type LoginLinks,
  type LoginPrompts,
  type LoginResult,
  logIn,
} from "../../oauth/login.ts";
import { readLines } from "../../terminal/input.ts";
import { sign } from "../../terminal/style.ts";
import { canShowBrowser } from "../browser.ts";
import type { CommandContext } from "../context.ts";
import type { AccountPlan } from "./plan.ts";

export interface OAuthRequest {
  provider: OAuthProvider;
  plan: AccountPlan;
  /** The account's own way out. */
  dispatcher: Dispatcher;
  /** False with --no-browser. */
  browser: boolean;
  openBrowser(url: string): Promise<void>;
  limitMs: number | undefined;
  signal: AbortSignal;
}

/** Throws a UserError that says why there is no login; then nothing is left of it. */
export async function logInWithOAuth(context: CommandContext, request: OAuthRequest): Promise<Login> {
  const { provider, plan, dispatcher, limitMs, signal } = request;
  const stderr = context.out.stderr;
  if (plan.proxy !== undefined) {
    const way = describeProxy(plan.proxy);
    stderr.write(`\nThe login is fetched through ${way}; the browser goes its own way.\n`);
  }
  let isInputOver = false;
  const result = await logIn({
    provider,
    dispatcher,
    prompts: createPrompts(context, request, () => {
      isInputOver = true;
    }),
    signal,
    now: context.clock,
    ...(limitMs === undefined ? {} : { limitMs }),
  });
  if (!result.ok) throw isInputOver ? inputEnded() : explain(result, provider);
  // After a question that the browser has answered.
  if (context.prompts.available) stderr.write("\n");
  return result.login;
}

function createPrompts(
  context: CommandContext,
  request: OAuthRequest,
  onInputOver: () => void,
): LoginPrompts {
  const { env, platform, out } = context;
  const opens = request.browser && canShowBrowser(env, platform);
  const paste = choosePaste(context, request, onInputOver);
  return {
    show: (links) => out.stderr.write(describeLinks(links, { opens, pastes: paste !== undefined })),
    // Where no browser can be seen, somebody may still have one on this machine: the login waits for it.
    ...(request.browser ? { open: opens ? request.openBrowser : async () => {} } : {}),
    ...(paste === undefined ? {} : { paste }),
  };
}

/** On a terminal a question; in a pipe lines of standard input, but only where no browser is to come: it may be nobody's. */
function choosePaste(
  context: CommandContext,
  { browser }: OAuthRequest,
  onInputOver: () => void,
): LoginPrompts["paste"] {
  const { prompts, out } = context;
  if (prompts.available) {
    return (problem, signal) => {
      if (problem !== undefined) out.stderr.write(`${sign("warn", out.stderr)} ${problem}\n`);
      return prompts.text({ message: "Code", placeholder: "paste it here if the page shows one", signal });
    };
  }
  if (browser) return undefined;
  const lines = readLines(context.stdin());
  return async (problem) => {
    if (problem !== undefined) out.stderr.write(`${sign("warn", out.stderr)} ${problem}\n`);
    const line = await lines.next();
    if (line === undefined) onInputOver();
    return line;
  };
}

function inputEnded(): UserError {
  return new UserError("standard input ended before a code came", {
    fix: "keep it open until the code has been written to it",
    exitCode: 2,
  });
}

function explain({ reason, message }: LoginResult & { ok: false }, provider: OAuthProvider): UserError {
  const instead = toRun("use an API key instead", `cc-relay login ${provider.name} --api-key`);
  switch (reason) {
    case "cancelled":
      return new UserError(message, { exitCode: 2 });
    case "timed-out":
      return new UserError(message, { fix: "run the same command again" });
    case "refused":
      return new UserError(message, {
        fix: "run the same command again: a code is good once, and for a few minutes",
      });
    case "denied":
    case "no-refresh-token":
      return new UserError(message, { fix: instead });
    case "proxy":
      return new UserError(message, { fix: "check the proxy, or name another one with --proxy" });
    case "unreachable":
      return new UserError(message, { fix: "check the network, and run the same command again" });
  }
}

export interface LinksView {
  /** A browser opens by itself. */
  opens: boolean;
  /** Somebody can paste a code. */
  pastes: boolean;
}

export function describeLinks({ automatic, manual }: LoginLinks, { opens, pastes }: LinksView): string {
  const paste = whatToPaste(manual);
  const byHand = { lead: `Open this address in any browser, and ${paste}:`, url: manual };
  if (automatic === undefined) return show([byHand]);
  const here = {
    lead: opens
      ? "Your browser opens now. If it does not, open this address on this machine:"
      : "Open this address in a browser on this machine:",
    url: automatic,
  };
  if (!pastes) return show([here]);
  // A client without a page of its own sends every browser back to this machine.
  if (automatic === manual) return show([here], `From a browser on another machine, ${paste}.`);
  return opens
    ? show([here, { lead: `From a browser on another machine, open this one and ${paste}:`, url: manual }])
    : show([byHand, { lead: "From a browser on this machine, this one needs no pasting:", url: automatic }]);
}

function show(links: readonly { lead: string; url: string }[], hint?: string): string {
  const blocks = links.map(({ lead, url }) => `${lead}\n\n  ${url}\n`);
  return `\n${[...blocks, ...(hint === undefined ? [] : [`${hint}\n`])].join("\n")}\n`;
}

/** A browser on another machine finds nothing at a loopback address, but its address bar then holds the code. */
function whatToPaste(link: string): string {
  const redirect = new URL(link).searchParams.get("redirect_uri") ?? "";
  return redirect.startsWith("http:")
    ? "paste the address that it ends at, though nothing is there"
    : "paste the code that it shows";
}
