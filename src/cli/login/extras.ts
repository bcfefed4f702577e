// Finds what the provider adds to a new login (Google's project). Its refusals show here, before the account is written.

import { isDeepStrictEqual } from "node:util";
import type { Dispatcher } from "undici";
import type {
  AccountKind,
  ExtrasOption,
  ExtrasResult,
  ExtrasSource,
} from "../../account-kinds/account-kind.ts";
import type { OAuthProvider } from "../../account-kinds/oauth-provider.ts";
import { UserError } from "../../domain/errors.ts";
import { providerUrls } from "../../domain/family.ts";
import type { LoginExtras } from "../../domain/token-store.ts";
import type { Login } from "../../oauth/login.ts";
import { sign } from "../../terminal/style.ts";
import { unlessAborted } from "../../time/abort.ts";
import { systemClock } from "../../time/clock.ts";
import type { CommandContext } from "../context.ts";
import { findExtraFault } from "./options.ts";
import type { AccountPlan } from "./plan.ts";

export interface ExtrasRequest {
  kind: AccountKind;
  provider: OAuthProvider;
  plan: AccountPlan;
  login: Login;
  /** Of the command line. */
  given: LoginExtras | undefined;
  dispatcher: Dispatcher;
  signal: AbortSignal;
}

export interface NewExtras {
  /** Kept with the login. Undefined: there is no such thing, or it is searched for at first use. */
  found: LoginExtras | undefined;
  /** What the account needs in the file, because the provider does not name it by itself. */
  configured: LoginExtras | undefined;
}

/** Throws a UserError when the provider does not serve this login. */
export async function findExtras(context: CommandContext, request: ExtrasRequest): Promise<NewExtras> {
  const { kind, plan, login, given } = request;
  const source = kind.login?.extras;
  const accessToken = login.accessToken;
  if (source === undefined || accessToken === undefined) return { found: undefined, configured: given };
  const { stderr } = context.out;
  if (stderr.isTerminal) stderr.write(`Looking for the ${source.title} of this login ...\n`);
  const known = plan.existing?.extras;
  let configured = given ?? known ?? readVariables(context, source);
  for (;;) {
    const result = await search(request, { source, accessToken, given: configured });
    if (result.ok) {
      const isNew = isDeepStrictEqual(result.extras, configured) && !isDeepStrictEqual(configured, known);
      return { found: result.extras, configured: isNew ? configured : undefined };
    }
    const option = result.wants === undefined ? undefined : source.keys[result.wants]?.option;
    if (result.wants !== undefined && option !== undefined && configured === undefined) {
      configured = { [result.wants]: await ask(context, result.wants, option) };
    } else if (result.kind === "refused" || result.kind === "unauthorized") {
      throw refused(request.provider, source, result.detail);
    } else {
      stderr.write(`${sign("warn", stderr)} the ${source.title} is not known yet: ${result.detail}\n`);
      return { found: undefined, configured: given };
    }
  }
}

function readVariables({ env }: CommandContext, { keys }: ExtrasSource): LoginExtras | undefined {
  const set = Object.entries(keys).flatMap(([key, { option }]) => {
    const value = option?.variables
      .map((name) => env[name])
      .find((text) => text)
      ?.trim();
    return option && value && findExtraFault(option, value) === undefined ? [[key, value] as const] : [];
  });
  return set.length > 0 ? Object.fromEntries(set) : undefined;
}

interface Search {
  source: ExtrasSource;
  accessToken: string;
  given: LoginExtras | undefined;
}

/** A provider's sign-up can take minutes, and the person may cancel the wait. */
async function search(
  { kind, plan, dispatcher, signal }: ExtrasRequest,
  { source, accessToken, given }: Search,
): Promise<ExtrasResult> {
  const { existing, family } = plan;
  const apiUrl =
    existing?.kind.type === kind.type ? existing.apiUrl : (kind.defaultUrl ?? providerUrls[family]);
  const found = source.find({ apiUrl, accessToken, dispatcher, given, monotonic: systemClock.monotonic });
  if (await unlessAborted(found, signal)) return found;
  throw new UserError("the login was cancelled", { exitCode: 2 });
}

async function ask({ prompts, out }: CommandContext, key: string, option: ExtrasOption): Promise<string> {
  if (!prompts.available) {
    const [variable] = option.variables;
    const instead = variable === undefined ? "" : `, or in the variable ${variable}`;
    throw new UserError(option.why, {
      fix: `name it with --${key} ${option.example}${instead}`,
      exitCode: 2,
    });
  }
  out.stderr.write(`${sign("warn", out.stderr)} ${option.why}\n`);
  return prompts.text({
    message: option.question,
    placeholder: option.example,
    validate(text) {
      const fault = findExtraFault(option, text);
      return fault && `It ${fault}`;
    },
  });
}

function refused({ name, title }: OAuthProvider, { service }: ExtrasSource, detail: string): UserError {
  return new UserError(`${title} does not serve this login with ${service}\n${detail}`, {
    fix: {
      instruction: "an API key works instead; to add one, run:",
      command: `cc-relay login ${name} --api-key`,
    },
  });
}
