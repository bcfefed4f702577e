// Asks for an API key or a setup token: without echo on a terminal, from standard input in a pipe, and never as an argument.

import type { Config } from "../../config/config.ts";
import { classifyKey, classifySetupToken, type KeyVerdict } from "../../config/key-shapes.ts";
import { UserError } from "../../domain/errors.ts";
import { readLines } from "../../terminal/input.ts";
import { sign } from "../../terminal/style.ts";
import { keyKinds, loginKind } from "../../upstreams/kinds.ts";
import type { CommandContext } from "../context.ts";
import { fixTextHere } from "../invocation.ts";
import type { CompatibleLogin } from "./compatible.ts";
import type { LoginOptions } from "./options.ts";
import type { AccountPlan } from "./plan.ts";

export interface KeyRequest {
  plan: AccountPlan;
  config: Config;
  options: LoginOptions;
  /** Where the key will be sent; undefined: where the account's key goes already, or to the provider itself. */
  host: CompatibleLogin | undefined;
}

type PipeTarget = Pick<LoginOptions, "family" | "setupToken" | "compatible">;

export async function askApiKey(context: CommandContext, request: KeyRequest): Promise<string> {
  if (!context.prompts.available) return readPipedKey(context, request);
  for (;;) {
    const key = await context.prompts.secret({
      message: question(request),
      validate: (text) => {
        const verdict = classify(text.trim(), request);
        if (verdict.kind !== "refused") return undefined;
        return `that ${verdict.what}; ${fixTextHere(verdict.fix, context)}`;
      },
    });
    const verdict = classify(key.trim(), request);
    if (verdict.kind === "fine" || request.options.yes) return accept(context, key.trim(), verdict);
    if (verdict.kind === "doubtful") {
      const message = `That ${verdict.what}. Use it all the same?`;
      if (await context.prompts.confirm({ message })) return key.trim();
    }
  }
}

/** Throws the usage error of a command line that leaves nowhere to read a key from. */
export function checkKeySource(context: CommandContext, options: PipeTarget): void {
  if (context.prompts.available || !isTerminal(context.stdin())) return;
  throw new UserError("the key cannot be asked for here: what is typed would be seen", {
    fix: {
      instruction: "leave standard output on the terminal, or pipe the key in:",
      command: pipeExample(options),
    },
    exitCode: 2,
  });
}

/** What a script types; the shell's own printf keeps the key out of the list of processes. */
export function pipeExample({ family, setupToken, compatible }: PipeTarget): string {
  const keyFlag = compatible === undefined ? "--api-key" : "--compatible --url URL --model MODEL";
  const [name, flag] = setupToken ? ["TOKEN", "--setup-token --yes"] : ["KEY", keyFlag];
  return `printf %s "$${name}" | cc-relay login ${family} ${flag}`;
}

async function readPipedKey(context: CommandContext, request: KeyRequest): Promise<string> {
  const key = await readLines(context.stdin()).next();
  if (key === undefined) {
    const what = request.options.setupToken ? "setup token" : "key";
    throw new UserError(`standard input holds no ${what}`, {
      fix: { instruction: "pipe one in:", command: pipeExample(request.options) },
      exitCode: 2,
    });
  }
  return accept(context, key, classify(key, request));
}

function accept({ out }: CommandContext, key: string, verdict: KeyVerdict): string {
  if (verdict.kind === "refused")
    throw new UserError(`that ${verdict.what}`, { fix: verdict.fix, exitCode: 2 });
  if (verdict.kind === "doubtful")
    out.stderr.write(`${sign("warn", out.stderr)} that ${verdict.what}; it is used all the same\n`);
  return key;
}

function classify(key: string, { plan, config, options, host }: KeyRequest): KeyVerdict {
  const { family, existing } = plan;
  // Where a login goes is not always where a key goes.
  const isSameHost = existing !== undefined && existing.kind.defaultUrl === keyKinds[family].defaultUrl;
  const apiUrl = host?.apiUrl ?? (isSameHost ? existing.apiUrl : undefined);
  const noun = options.setupToken ? "token" : "key";
  const verdict = options.setupToken ? classifySetupToken(key) : classifyKey(key, { family, apiUrl });
  if (verdict.kind !== "fine") return verdict;
  const twin = config.accounts.find(({ id, secret }) => secret === key && id !== plan.id);
  return twin === undefined ? verdict : { kind: "doubtful", what: `is the ${noun} of ${twin.id} already` };
}

function question({ plan: { id, family, replaces }, options, host }: KeyRequest): string {
  const token = options.setupToken ? loginKind(family)?.setupToken : undefined;
  if (token) return `${replaces ? "New setup token" : "Setup token"} of ${id} (from ${token.command})`;
  const source = host === undefined ? keyKinds[family].labels.source : new URL(host.apiUrl).host;
  return `${replaces ? "New API key" : "API key"} of ${id} (from ${source})`;
}

function isTerminal(stream: AsyncIterable<unknown>): boolean {
  return (stream as { isTTY?: boolean }).isTTY === true;
}
