// When an account that only serves what no other can is admitted to a request. Pure.
//
//     its `models` name the model, and no other account's do      it serves at once, and alone
//     it is the only one that could serve                         it serves at once
//     every other account is out for long                         it serves
//     a session is there, in the middle of a loop of tools        it goes on there
//     anything else: an overload, a time-out, a short limit       it does not serve

import { namesModel } from "../domain/model-scope.ts";
import { type Account, cooldownFor } from "./account.ts";

export interface LastResortQuestion {
  model: string | undefined;
  modelScope: string;
  /** The session's account, and where it was served last when that is another one. */
  sticky: string | undefined;
  fallback: string | undefined;
  /** The request begins a turn: no tool's result is on its way back. Asked only where it matters. */
  opensTurn(): boolean;
  /** How long every other account must be out for. */
  foreignAfterMs: number;
  now: number;
}

/** The candidates without the last resorts that may not serve this request now. */
export function admitLastResorts(candidates: Account[], question: LastResortQuestion): Account[] {
  const others = candidates.filter((account) => !isLastResort(account));
  if (others.length === candidates.length || others.length === 0) return candidates;
  const isNamed = ({ config }: Account) => namesModel(config.models, question.model);
  const named = candidates.filter((account) => isLastResort(account) && isNamed(account));
  if (named.length > 0 && !others.some(isNamed)) return named;
  if (others.every((account) => isOutForLong(account, question))) return candidates;
  const staying = stayingAt(candidates, question);
  return staying ? [...others, staying] : others;
}

export function isLastResort({ config }: Account): boolean {
  return config.onlyWhenOut;
}

/**
 * The last resort that a session is at and does not leave yet: between a tool's call and its result another provider would find
 * thinking that is not its own.
 */
export function stayingAt(
  candidates: readonly Account[],
  { sticky, fallback, opensTurn }: LastResortQuestion,
): Account | undefined {
  const current = candidates.find(({ config }) => config.id === (fallback ?? sticky));
  return current && isLastResort(current) && !opensTurn() ? current : undefined;
}

/** By the whole length of its cooldown: a session must not be turned away in the last minutes of an outage. */
function isOutForLong(account: Account, { modelScope, foreignAfterMs, now }: LastResortQuestion): boolean {
  const cooldown = cooldownFor(account, modelScope, now);
  if (!cooldown || cooldown.kind === "capacity" || cooldown.kind === "storage") return false;
  return cooldown.until - cooldown.since >= foreignAfterMs;
}
