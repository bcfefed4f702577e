// Whether it is to be an API key or a login, as flags, the account or the person at the terminal say.

import type { AccountKind } from "../../account-kinds/account-kind.ts";
import type { OAuthProvider } from "../../account-kinds/oauth-provider.ts";
import { UserError } from "../../errors.ts";
import type { OAuthSections } from "../../oauth/tokens.ts";
import { keyKinds, loginKind } from "../../upstreams/kinds.ts";
import type { CommandContext } from "../context.ts";
import { checkKeySource, pipeExample } from "./api-key.ts";
import type { LoginOptions } from "./options.ts";
import type { AccountPlan } from "./plan.ts";
import { termLines } from "./terms.ts";

/** Throws the usage error of a command line that would have to ask where nobody is. */
export function checkSources(context: CommandContext, options: LoginOptions): void {
  const { family, apiKey, setupToken, yes } = options;
  const provider = loginKind(family)?.login?.provider({});
  if (apiKey || setupToken || provider === undefined) return checkKeySource(context, options);
  if (context.prompts.available || yes) return;
  const facts = [
    "there is no terminal to ask whether it is to be an API key or a login",
    "--yes logs in with OAuth, and says yes to what the provider's terms say:",
    ...termLines(provider, context.out.stderr),
  ];
  throw new UserError(facts.join("\n"), {
    fix: `to add an API key, pipe it in: ${pipeExample({ family, setupToken: false })}`,
    exitCode: 2,
  });
}

export async function chooseKind(
  { prompts }: CommandContext,
  { family, existing }: AccountPlan,
  { apiKey, setupToken, yes }: LoginOptions,
): Promise<AccountKind> {
  const withKey = keyKinds[family];
  const withLogin = loginKind(family);
  if (apiKey || withLogin === undefined) return withKey;
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
