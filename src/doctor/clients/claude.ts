// Checks Claude Code: its program, and the variables that decide where it sends requests. Tried with version 2.1.330.

import { claudeHeaders, readClaudeSettings } from "../../clients/claude-code.ts";
import { clientInfo, findConflicts, findReplacing } from "../../clients/variables.ts";
import type { Advice } from "../../domain/errors.ts";
import { type Check, findingsOn } from "../check.ts";
import { findBaseUrlFault, findKeyFault, keyInHeaders } from "./addressing.ts";
import {
  describeProgram,
  lookForProgram,
  pointAtRelay,
  type Surroundings,
  unset,
  usesAccounts,
} from "./surroundings.ts";

export async function checkClaude(surroundings: Surroundings): Promise<Check[]> {
  const program = await lookForProgram("claude", findings, surroundings.programs);
  const settings = await readClaudeSettings(surroundings);
  if (settings.broken.length > 0) {
    const fix = "fix it: Claude Code cannot read it either";
    return [program.check, ...settings.broken.map((file) => findings.fail(`${file} is not valid JSON`, fix))];
  }
  const effective = { ...surroundings.env, ...settings.variables };
  const inFile = (name: string, advice: Advice): Advice => {
    const file = settings.fileOf(name);
    return file === undefined ? advice : `change "env" in ${file}`;
  };
  const faults = [
    findTwoCredentials(effective, (name) => inFile(name, unset(name, surroundings))),
    ...(await findAddressFaults(effective, { surroundings, inFile, helperFile: settings.helperFile })),
  ];
  const found = faults.filter((fault) => fault !== undefined);
  return [describeProgram(program, Boolean(effective[urlVariable])), ...found];
}

const findings = findingsOn("clients", "claude");
const { urlVariable = "", keyVariable, title } = clientInfo.claude;
const { headersVariable } = claudeHeaders;
/** A login of one's own, as a variable. */
const tokenVariable = "CLAUDE_CODE_OAUTH_TOKEN";
const otherKey = "ANTHROPIC_API_KEY";
const insteadOfLogin = `${title} uses it instead of its own login, for which there is an account of type client`;

/** Both are sent, as two headers, and no gateway knows which is meant. */
function findTwoCredentials(env: Surroundings["env"], fixOf: (name: string) => Advice): Check | undefined {
  if (!env[otherKey] || !env[keyVariable]) return undefined;
  const detail = `${otherKey} and ${keyVariable} are both set: ${title} sends both, and asks about the first`;
  return findings.warn(detail, fixOf(otherKey));
}

interface AddressContext {
  surroundings: Surroundings;
  inFile: (name: string, advice: Advice) => Advice;
  /** See ClaudeSettings. */
  helperFile: string | undefined;
}

async function findAddressFaults(
  env: Surroundings["env"],
  { surroundings, inFile, helperFile }: AddressContext,
): Promise<(Check | undefined)[]> {
  const value = env[urlVariable];
  if (!value) return [];
  const { relay } = surroundings;
  const isAtRelay = usesAccounts("claude", value, relay);
  const isLoginWanted = isAtRelay && relay?.ownLogins.has("claude") === true;
  const point = pointAtRelay("claude", surroundings, { ownLogin: isLoginWanted });
  const base = {
    setting: urlVariable,
    value,
    client: clientInfo.claude,
    fix: inFile(urlVariable, point),
  };
  const others = isAtRelay
    ? findConflicts("claude", env).filter(
        ({ name }) => name !== otherKey && !(isLoginWanted && name === tokenVariable),
      )
    : [];
  // With the key in a variable of its own the other accounts are meant.
  const isLoginSetUp =
    isLoginWanted && (relay.keys.length === 0 || keyInHeaders(env[headersVariable]) !== undefined);
  const replacing = isLoginSetUp ? findReplacing("claude", env) : [];
  return [
    await findBaseUrlFault(base, findings, surroundings),
    findKeyFault(
      {
        ...{ baseUrl: value, variables: [keyVariable, otherKey], headersVariable, env },
        fix: inFile(keyVariable, point),
      },
      findings,
      surroundings,
    ),
    ...replacing.map((name) =>
      findings.warn(`${name} is set: ${insteadOfLogin}`, inFile(name, unset(name, surroundings))),
    ),
    isLoginSetUp && helperFile !== undefined
      ? findings.warn(`apiKeyHelper is set: ${insteadOfLogin}`, `remove it from ${helperFile}`)
      : undefined,
    ...others.map(({ name, effect }) =>
      findings.warn(`${name} is set: it ${effect}`, inFile(name, unset(name, surroundings))),
    ),
  ];
}
