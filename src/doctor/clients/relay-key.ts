// Checks the key of a client that is pointed at the relay: the relay has to accept it.

import type { Advice, Check, Findings } from "../check.ts";
import { isAt } from "./base-url.ts";
import type { Surroundings } from "./surroundings.ts";

export interface KeyQuestion {
  /** Where the client is pointed at. */
  baseUrl: string;
  /** The variables whose value it sends, the recommended one first. */
  variables: readonly string[];
  /** As the client sees it: its own files included. */
  env: Surroundings["env"];
  /** How the key is set. */
  fix: Advice;
}

/** Undefined when all is well, the relay asks for none, or it is another relay than ours. */
export function findKeyFault(
  { baseUrl, variables, env, fix }: KeyQuestion,
  findings: Findings,
  { relay }: Pick<Surroundings, "relay">,
): Check | undefined {
  if (relay === undefined || relay.keys.length === 0) return undefined;
  if (!URL.canParse(baseUrl) || !isAt(new URL(baseUrl), relay.origin)) return undefined;
  const [recommended = ""] = variables;
  const set = variables.filter((name) => Boolean(env[name]));
  if (set.length === 0) {
    return findings.warn(`${recommended} is not set, and the relay asks for one of api_keys`, fix);
  }
  const fits = set.some((name) => relay.keys.some(({ key }) => key === env[name]));
  return fits
    ? undefined
    : findings.fail(`${set.join(" and ")} is not one of api_keys: the relay refuses it`, fix);
}
