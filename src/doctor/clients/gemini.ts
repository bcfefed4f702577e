// Checks Gemini CLI: its program, its base URL and its choice of authentication. Tried with version 0.61.0.

import { join } from "node:path";
import { parseEnv } from "node:util";
import { authTypeOf, geminiAuthType } from "../../clients/gemini-cli.ts";
import { readJsonSettings, readOptional } from "../../clients/settings-files.ts";
import { clientInfo, findConflicts } from "../../clients/variables.ts";
import { printable } from "../../config/problem.ts";
import { type Check, findingsOn } from "../check.ts";
import { findBaseUrlFault, findKeyFault } from "./addressing.ts";
import {
  describeProgram,
  lookForProgram,
  pointAtRelay,
  type Surroundings,
  unset,
  usesAccounts,
} from "./surroundings.ts";

export async function checkGemini(surroundings: Surroundings): Promise<Check[]> {
  const program = await lookForProgram("gemini", findings, surroundings.programs);
  const folder = join(surroundings.env.GEMINI_CLI_HOME || surroundings.home, ".gemini");
  // Its own file of variables; what the shell has set goes over it.
  const env = { ...parseEnv((await readOptional(join(folder, ".env"))) ?? ""), ...surroundings.env };
  const value = env[urlVariable];
  const faults = value
    ? [
        ...(await findAddressFaults(value, env, surroundings)),
        await findAuthFault(join(folder, "settings.json"), surroundings.cwd),
      ]
    : [findOldVariable(env, surroundings)];
  return [describeProgram(program, Boolean(value)), ...faults.filter((fault) => fault !== undefined)];
}

const findings = findingsOn("clients", "gemini");
const { urlVariable = "", keyVariable, title } = clientInfo.gemini;

async function findAddressFaults(
  value: string,
  env: Surroundings["env"],
  surroundings: Surroundings,
): Promise<(Check | undefined)[]> {
  const fix = pointAtRelay("gemini", surroundings);
  const base = {
    setting: urlVariable,
    value,
    client: clientInfo.gemini,
    fix,
  };
  const conflicts = usesAccounts("gemini", value, surroundings.relay) ? findConflicts("gemini", env) : [];
  return [
    await findBaseUrlFault(base, findings, surroundings),
    findKeyFault({ baseUrl: value, variables: [keyVariable], env, fix }, findings, surroundings),
    ...conflicts.map(({ name, effect }) =>
      findings.warn(`${name} is set: it ${effect}`, unset(name, surroundings)),
    ),
  ];
}

/**
 * With a base URL and no choice of its own Gemini CLI chooses the kind "gateway", and then refuses it: "Invalid auth method
 * selected". A folder's settings rank above the user's.
 */
async function findAuthFault(userFile: string, cwd: string): Promise<Check | undefined> {
  let chosen: string | undefined;
  let chosenIn = userFile;
  for (const file of new Set([userFile, join(cwd, ".gemini", "settings.json")])) {
    const settings = await readJsonSettings(file);
    if (settings === undefined) {
      return findings.fail(`${file} is not valid JSON`, `fix it: ${title} cannot read it either`);
    }
    const type = authTypeOf(settings);
    if (type === undefined) continue;
    chosen = type;
    chosenIn = file;
  }
  if (chosen === geminiAuthType) return undefined;
  const fix = {
    instruction: `write {"security":{"auth":{"selectedType":"${geminiAuthType}"}}} into ${chosenIn}, or run:`,
    command: "cc-relay run gemini",
  };
  if (chosen === undefined) {
    const detail = `${urlVariable} is set, and no authentication is chosen in ${userFile}: ${title} then refuses to start`;
    return findings.fail(detail, fix);
  }
  return findings.warn(
    `${chosenIn} chooses the authentication "${printable(chosen, 40)}", with which ${title} passes the relay by`,
    fix,
  );
}

/** Older instructions name it. */
function findOldVariable(env: Surroundings["env"], surroundings: Surroundings): Check | undefined {
  if (!env.GEMINI_API_BASE) return undefined;
  const detail = `GEMINI_API_BASE is set, which ${title} does not know: its variable is ${urlVariable}`;
  return findings.warn(detail, pointAtRelay("gemini", surroundings));
}
