// What a provider's terms say about logging in, before anybody does.

import type { OAuthProvider } from "../../account-kinds/oauth-provider.ts";
import { UserError } from "../../errors.ts";
import type { Screen } from "../../terminal/output.ts";
import { wrap } from "../../terminal/wrap.ts";
import type { CommandContext } from "../context.ts";

/** Throws a UserError unless the answer is yes; with `yes` it was given beforehand, and where nobody can be asked whoever pipes a token in has it already. */
export async function agreeToTerms(
  { out, prompts }: CommandContext,
  provider: OAuthProvider,
  { yes }: { yes: boolean },
): Promise<void> {
  const screen = out.stderr;
  const instead = insteadOf(provider);
  const lines = [`Before you log in to ${provider.title} with OAuth:`, ...termLines(provider, screen)];
  const gap = screen.isTerminal ? "\n" : "";
  screen.write(`${gap}${lines.join("\n")}\n  - ${instead}\n${gap}`);
  if (yes || !prompts.available) return;
  if (await prompts.confirm({ message: "Do these terms fit your use?" })) return;
  throw new UserError("nothing was changed: without a yes there is no login", { fix: instead, exitCode: 2 });
}

/** On a terminal broken between words; in a pipe a line each. */
export function termLines({ terms }: OAuthProvider, screen: Screen): string[] {
  return terms.flatMap((term, index) => {
    const lines = screen.isTerminal ? wrap(term, screen.width - 5, screen.unicode) : [term];
    return lines.map((line, part) => `  ${part === 0 ? `${index + 1}.` : "  "} ${line}`);
  });
}

function insteadOf({ name }: OAuthProvider): string {
  return `to use an API key instead, run: cc-relay login ${name} --api-key`;
}
