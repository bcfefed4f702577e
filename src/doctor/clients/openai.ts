// Checks the variables of the OpenAI SDKs: base URL and key.

import { clientInfo } from "../../clients/variables.ts";
import { type Check, findingsOn } from "../check.ts";
import { findBaseUrlFault, findKeyFault } from "./addressing.ts";
import { pointAtRelay, type Surroundings } from "./surroundings.ts";

/** Empty when no base URL is set: an SDK is no program that could be looked for. */
export async function checkOpenai(surroundings: Surroundings): Promise<Check[]> {
  const { urlVariable = "", keyVariable } = clientInfo.openai;
  const { env } = surroundings;
  const value = env[urlVariable];
  if (!value) return [];
  const findings = findingsOn("clients", "openai");
  const fix = pointAtRelay("openai", surroundings);
  const base = { setting: urlVariable, value, client: clientInfo.openai, fix };
  const faults = [
    await findBaseUrlFault(base, findings, surroundings),
    findKeyFault({ baseUrl: value, variables: [keyVariable], env, fix }, findings, surroundings),
  ].filter((fault) => fault !== undefined);
  return faults.length > 0 ? faults : [findings.ok(`${urlVariable} points at the relay`)];
}
