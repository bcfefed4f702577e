// Prints the result of a login: where it was written, whether a running relay has it, and what to do next.

import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../../config/config.ts";
import { type Fix, toRun } from "../../domain/errors.ts";
import { sign } from "../../terminal/style.ts";
import { singleLine } from "../../terminal/width.ts";
import type { CommandContext } from "../context.ts";
import { fixTextHere } from "../invocation.ts";
import { askRelay, originOf, type Question } from "../relay-address.ts";
import type { Keeping } from "./keep.ts";

export async function reportOutcome(
  context: CommandContext,
  { place, plan, kind }: Keeping,
  /** Identifies the credential without giving it away: whose login, how a key begins. */
  credential: string,
): Promise<void> {
  const { stderr } = context.out;
  const { id, existing } = plan;
  const daemon = await context.findDaemon(place.config);
  const isOff = existing?.enabled === false;
  const lines = [
    `${sign("ok", stderr)} ${id} ${existing === undefined ? "is added" : "is refreshed"}: ${kind.type}, ${singleLine(credential)}`,
    `  written to ${place.file}`,
    ...(isOff ? [`  ${sign("warn", stderr)} it is disabled, so that nothing is sent to it`] : []),
    `  ${daemon === undefined ? "no relay is running" : await tellRelay(context, { place, plan, kind }, daemon)}`,
    `  - ${fixTextHere(isOff ? toRun("use it", `cc-relay accounts enable ${id}`) : next(daemon !== undefined), context)}`,
  ];
  stderr.write(`${lines.join("\n")}\n`);
}

function next(isRunning: boolean): Fix {
  return isRunning
    ? toRun("see how the accounts are doing", "cc-relay accounts list")
    : toRun("start it", "cc-relay serve");
}

async function tellRelay(
  { out }: CommandContext,
  { place, plan }: Keeping,
  daemon: { host: string; port: number },
): Promise<string> {
  const origin = originOf(daemon);
  // One whose id was known before is read anew like everything else, and nothing outside shows that it was.
  if (plan.existing !== undefined) return `the relay at ${origin} takes it within a second`;
  return (await hasTaken(origin, plan.id, place.config))
    ? `the relay at ${origin} has taken it`
    : `${sign("warn", out.stderr)} the relay at ${origin} has not taken it: it may read another file, or say in its log what it minds`;
}

/** A relay reads a changed file within a second. */
const waitTimeoutMs = 3000;
const pauseMs = 50;

/** The metrics name every account that a relay has. */
async function hasTaken(origin: string, id: string, { apiKeys }: Config): Promise<boolean> {
  const deadline = Date.now() + waitTimeoutMs;
  const key = apiKeys[0]?.key;
  const question: Question = {
    method: "GET",
    timeoutMs: waitTimeoutMs,
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    // Some lines for each account and model.
    maxLength: 4 * 1024 * 1024,
  };
  do {
    const metrics = await askRelay(`${origin}/metrics`, question);
    if (metrics?.text.includes(`account="${id}"`)) return true;
    await sleep(pauseMs);
  } while (Date.now() < deadline);
  return false;
}
