// Chooses between an API key and a login, by flags, the account or a question; prints the provider's terms.

import type { AccountKind } from "../../account-kinds/account-kind.ts";
import type { OAuthProvider } from "../../account-kinds/oauth-provider.ts";
import { type Fix, toRun, UserError } from "../../domain/errors.ts";
import type { OAuthSections } from "../../oauth/tokens.ts";
import type { Screen } from "../../terminal/output.ts";
import { wrap } from "../../terminal/width.ts";
import { keyKinds, loginKind } from "../../upstreams/kinds.ts";
import type { CommandContext } from "../context.ts";
import { fixTextHere } from "../invocation.ts";
import { checkKeySource, pipeExample } from "./api-key.ts";
import { checkCompatibleSources } from "./compatible.ts";
import type { LoginOptions } from "./options.ts";
import type { AccountPlan } from "./plan.ts";

/** Throws the usage error of a command line that would have to ask where nobody is. */
export function checkSources(context: CommandContext, options: LoginOptions): void {
  const { family, apiKey, setupToken, compatible, yes } = options;
  if (compatible !== undefined) return checkCompatibleSources(context, { ...options, compatible });
  const provider = loginKind(family)?.login?.provider({});
  if (apiKey || setupToken || provider === undefined) checkKeySource(context, options);
  if (apiKey || provider === undefined || context.prompts.available || yes) return;
  const facts = setupToken
    ? ["there is no terminal to ask for a yes to what the provider's terms say; --yes gives it:"]
    : [
        "there is no terminal to ask whether it is to be an API key or a login",
        "--yes logs in with OAuth, and says yes to what the provider's terms say:",
      ];
  facts.push(...termLines(provider, context.out.stderr));
  throw new UserError(facts.join("\n"), {
    fix: {
      instruction: setupToken ? "with your yes:" : "to add an API key, pipe it in:",
      command: pipeExample({ family, setupToken, compatible }),
    },
    exitCode: 2,
  });
}

export async function chooseKind(
  { prompts }: CommandContext,
  { family, existing }: AccountPlan,
  { apiKey, setupToken, compatible, yes }: LoginOptions,
): Promise<AccountKind> {
  const withKey = keyKinds[family];
  const withLogin = loginKind(family);
  if (apiKey || compatible !== undefined || withLogin === undefined) return withKey;
  if (setupToken) return withLogin;
  // A login that is refreshed is one again; a key that is replaced may become one, which is asked.
  if (yes || existing?.type === withLogin.type) return withLogin;
  const chosen = await prompts.select<string>({
    message: existing === undefined ? `How do you log in?` : `How do you log in from now on?`,
    options: [withKey, withLogin].map((kind) => ({
      value: kind.type,
      label: kind.labels.choice,
      hint: kind.labels.hint,
    })),
  });
  return chosen === withKey.type ? withKey : withLogin;
}

/** Undefined for a kind that has an API key. */
export function findProvider({ login }: AccountKind, sections: OAuthSections): OAuthProvider | undefined {
  return login?.provider(sections[login.section] ?? {});
}

/** Throws a UserError unless the answer is yes; with `yes` it was given beforehand, and where nobody can be asked the person who pipes a token in has it already. */
export async function agreeToTerms(
  context: CommandContext,
  provider: OAuthProvider,
  { yes }: { yes: boolean },
): Promise<void> {
  const { out, prompts } = context;
  const screen = out.stderr;
  const instead = insteadOf(provider);
  const lines = [`Before you log in to ${provider.title} with OAuth:`, ...termLines(provider, screen)];
  const gap = screen.isTerminal ? "\n" : "";
  screen.write(`${gap}${lines.join("\n")}\n  - ${fixTextHere(instead, context)}\n${gap}`);
  if (yes || !prompts.available) return;
  if (await prompts.confirm({ message: "Do these terms fit your use?" })) return;
  throw new UserError("nothing was changed: without a yes there is no login", { fix: instead, exitCode: 2 });
}

/** On a terminal broken between words; in a pipe a line each. */
function termLines({ terms }: OAuthProvider, screen: Screen): string[] {
  return terms.flatMap((term, index) => {
    const lines = screen.isTerminal ? wrap(term, screen.width - 5, screen.unicode) : [term];
    return lines.map((line, part) => `  ${part === 0 ? `${index + 1}.` : "  "} ${line}`);
  });
}

function insteadOf({ name }: OAuthProvider): Fix {
  return toRun("use an API key instead", `cc-relay login ${name} --api-key`);
}
