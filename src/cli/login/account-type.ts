// Whether it is to be an API key or a login, as flags, the account or the person at the terminal say.

import { UserError } from "../../errors.ts";
import { type AccountType, accountTypes, type Family } from "../../family.ts";
import { claudeProvider } from "../../oauth/claude.ts";
import { geminiProvider } from "../../oauth/gemini.ts";
import type { OAuthOverrides, OAuthProvider } from "../../oauth/provider.ts";
import type { CommandContext } from "../context.ts";
import { checkKeySource, pipeExample } from "./api-key.ts";
import type { LoginOptions } from "./options.ts";
import { type AccountPlan, findType } from "./plan.ts";
import { termLines } from "./terms.ts";

/** Throws the usage error of a command line that would have to ask where nobody is. */
export function checkSources(context: CommandContext, options: LoginOptions): void {
  const { family, apiKey, yes } = options;
  const provider = providerOf(family, {});
  if (apiKey || provider === undefined) return checkKeySource(context, family);
  if (context.prompts.available || yes) return;
  const facts = [
    "there is no terminal to ask whether it is to be an API key or a login",
    "--yes logs in with OAuth, and says yes to what the provider's terms say:",
    ...termLines(provider, context.out.stderr),
  ];
  throw new UserError(facts.join("\n"), {
    fix: `to add an API key, pipe it in: ${pipeExample(family)}`,
    exitCode: 2,
  });
}

export async function chooseType(
  { prompts }: CommandContext,
  { family, existing }: AccountPlan,
  { apiKey, yes }: LoginOptions,
): Promise<AccountType> {
  const keyType = findType(family, "api_key")!;
  const loginType = findType(family, "refresh_token");
  if (apiKey || loginType === undefined) return keyType;
  // A login that is refreshed is one again; a key that is replaced may become one, which is asked.
  if (yes || existing?.type === loginType) return loginType;
  return prompts.select<AccountType>({
    message: existing === undefined ? `How do you log in?` : `How do you log in from now on?`,
    options: [
      { value: keyType, label: "API key", hint: "for every client" },
      { value: loginType, ...loginLabels[family] },
    ],
  });
}

const loginLabels: Readonly<Record<Family, { label: string; hint: string }>> = {
  claude: { label: "Claude subscription, by OAuth", hint: "for Claude Code only" },
  gemini: { label: "Google account, by OAuth", hint: "for Code Assist Standard or Enterprise" },
  openai: { label: "OAuth", hint: "" },
};

/** Undefined for a type that has an API key. */
export function findProvider(
  type: AccountType,
  overrides: Readonly<Record<"claude" | "gemini", OAuthOverrides>>,
): OAuthProvider | undefined {
  const { family, credential } = accountTypes[type];
  if (credential !== "refresh_token" || family === undefined || family === "openai") return undefined;
  return providerOf(family, overrides[family]);
}

function providerOf(family: Family, overrides: OAuthOverrides): OAuthProvider | undefined {
  switch (family) {
    case "claude":
      return claudeProvider(overrides);
    case "gemini":
      return geminiProvider(overrides);
    case "openai":
      return undefined;
  }
}
