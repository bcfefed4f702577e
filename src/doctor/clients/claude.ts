// Claude Code: its program, and the variables that decide where it sends what. Tried with version 2.1.330.

import { join } from "node:path";
import { clientInfo, findConflicts } from "../../terminal/clients.ts";
import { type Check, findingsOn } from "../check.ts";
import { findBaseUrlFault } from "./base-url.ts";
import { describeProgram, lookForProgram } from "./installed.ts";
import { readJsonSettings, tableIn } from "./json-settings.ts";
import { findKeyFault } from "./relay-key.ts";
import { pointAtRelay, type Surroundings, unset, usesAccounts } from "./surroundings.ts";

export async function checkClaude(surroundings: Surroundings): Promise<Check[]> {
  const { env, home } = surroundings;
  const program = await lookForProgram("claude", findings, surroundings.programs);
  const file = join(env.CLAUDE_CONFIG_DIR || join(home, ".claude"), "settings.json");
  const settings = await readJsonSettings(file);
  if (settings === undefined) {
    const broken = findings.fail(`${file} is not valid JSON`, "mend it: Claude Code cannot read it either");
    return [program.check, broken];
  }
  const ownVariables = Object.entries(tableIn(settings, "env")).flatMap(([name, value]) =>
    typeof value === "string" ? [[name, value] as const] : [],
  );
  // What its settings set goes over what the shell has set.
  const own = Object.fromEntries(ownVariables);
  const effective = { ...env, ...own };
  const inFile = (name: string, instruction: string) =>
    Object.hasOwn(own, name) ? `change "env" in ${file}` : instruction;
  const faults = [
    findTwoCredentials(effective, (name) => inFile(name, unset(name, surroundings))),
    ...(await findAddressFaults(effective, { surroundings, inFile })),
  ];
  const found = faults.filter((fault) => fault !== undefined);
  return [describeProgram(program, Boolean(effective[urlVariable])), ...found];
}

const findings = findingsOn("clients", "claude");
const { urlVariable = "", keyVariable, title } = clientInfo.claude;
const otherKey = "ANTHROPIC_API_KEY";

/** Both are sent, as two headers, and no gateway knows which is meant. */
function findTwoCredentials(env: Surroundings["env"], fixOf: (name: string) => string): Check | undefined {
  if (!env[otherKey] || !env[keyVariable]) return undefined;
  const detail = `${otherKey} and ${keyVariable} are both set: ${title} sends both, and asks about the first`;
  return findings.warn(detail, fixOf(otherKey));
}

interface AddressContext {
  surroundings: Surroundings;
  inFile: (name: string, instruction: string) => string;
}

async function findAddressFaults(
  env: Surroundings["env"],
  { surroundings, inFile }: AddressContext,
): Promise<(Check | undefined)[]> {
  const value = env[urlVariable];
  if (!value) return [];
  const point = pointAtRelay("claude", surroundings);
  const base = {
    setting: urlVariable,
    value,
    title,
    paths: ["", "/claude", "/api"],
    appended: { path: "/v1/messages", ending: /\/v1(?:\/messages)?$/ },
    fix: inFile(urlVariable, point),
  };
  const others = usesAccounts("claude", value, surroundings.relay)
    ? findConflicts("claude", env).filter(({ name }) => name !== otherKey)
    : [];
  return [
    await findBaseUrlFault(base, findings, surroundings),
    findKeyFault(
      { baseUrl: value, variables: [keyVariable, otherKey], env, fix: inFile(keyVariable, point) },
      findings,
      surroundings,
    ),
    ...others.map(({ name, effect }) =>
      findings.warn(`${name} is set: it ${effect}`, inFile(name, unset(name, surroundings))),
    ),
  ];
}
