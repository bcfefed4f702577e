// Asks for an API key: without echo on a terminal, from standard input in a pipe, and never as an argument.

import type { Config } from "../../config/config.ts";
import { UserError } from "../../errors.ts";
import type { Family } from "../../family.ts";
import { readLines } from "../../terminal/input.ts";
import { sign } from "../../terminal/style.ts";
import { keyKinds } from "../../upstreams/kinds.ts";
import type { CommandContext } from "../context.ts";
import { classifyKey, type KeyVerdict } from "./key-shapes.ts";
import type { LoginOptions } from "./options.ts";
import type { AccountPlan } from "./plan.ts";

export interface KeyRequest {
  plan: AccountPlan;
  config: Config;
  options: LoginOptions;
}

export async function askApiKey(context: CommandContext, request: KeyRequest): Promise<string> {
  if (!context.prompts.available) return readPipedKey(context, request);
  for (;;) {
    const key = await context.prompts.secret({
      message: question(request.plan),
      validate: (text) => {
        const verdict = classify(text.trim(), request);
        return verdict.kind === "refused" ? `${verdict.what}; ${verdict.fix}` : undefined;
      },
    });
    const verdict = classify(key.trim(), request);
    if (verdict.kind === "fine" || request.options.yes) return accept(context, key.trim(), verdict);
    if (verdict.kind === "doubtful") {
      const message = `${capital(verdict.what)}. Use it all the same?`;
      if (await context.prompts.confirm({ message })) return key.trim();
    }
  }
}

/** Throws the usage error of a command line that leaves nowhere to read a key from. */
export function checkKeySource(context: CommandContext, family: Family): void {
  if (context.prompts.available || !isTerminal(context.stdin())) return;
  throw new UserError("the key cannot be asked for here: what is typed would be seen", {
    fix: `leave standard output on the terminal, or pipe the key in: ${pipeExample(family)}`,
    exitCode: 2,
  });
}

/** What a script types; the shell's own printf keeps the key out of the list of processes. */
export function pipeExample(family: Family): string {
  return `printf %s "$KEY" | cc-relay login ${family} --api-key`;
}

async function readPipedKey(context: CommandContext, request: KeyRequest): Promise<string> {
  const key = await readLines(context.stdin()).next();
  if (key === undefined) {
    throw new UserError("standard input holds no key", {
      fix: `pipe one in: ${pipeExample(request.options.family)}`,
      exitCode: 2,
    });
  }
  return accept(context, key, classify(key, request));
}

function accept({ out }: CommandContext, key: string, verdict: KeyVerdict): string {
  if (verdict.kind === "refused") throw new UserError(verdict.what, { fix: verdict.fix, exitCode: 2 });
  if (verdict.kind === "doubtful")
    out.stderr.write(`${sign("warn", out.stderr)} ${verdict.what}; it is used all the same\n`);
  return key;
}

function classify(key: string, { plan, config }: KeyRequest): KeyVerdict {
  const { family, existing } = plan;
  // Where a login goes is not always where a key goes.
  const apiUrl =
    existing !== undefined && existing.kind.defaultUrl === keyKinds[family].defaultUrl
      ? existing.apiUrl
      : undefined;
  const verdict = classifyKey(key, { family, apiUrl });
  if (verdict.kind !== "fine") return verdict;
  const twin = config.accounts.find(({ id, secret }) => secret === key && id !== plan.id);
  return twin === undefined ? verdict : { kind: "doubtful", what: `that is the key of ${twin.id} already` };
}

function question({ id, family, replaces }: AccountPlan): string {
  return `${replaces ? "New API key" : "API key"} of ${id} (from ${keyKinds[family].labels.source})`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function isTerminal(stream: AsyncIterable<unknown>): boolean {
  return (stream as { isTTY?: boolean }).isTTY === true;
}
