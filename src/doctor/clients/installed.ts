// Finds an installed client program and its version.

import { printable } from "../../config/problem.ts";
import type { Check, Findings } from "../check.ts";
import type { Programs } from "./surroundings.ts";

export interface Installed {
  /** Undefined when it is not in PATH. */
  file: string | undefined;
  check: Check;
}

/** A client that is not there is no fault: nobody uses all of them. */
export async function lookForProgram(
  name: string,
  findings: Findings,
  programs: Programs,
): Promise<Installed> {
  const file = await programs.find(name);
  if (file === undefined) return { file, check: findings.ok(`not installed: no ${name} in PATH`) };
  const version = await programs.versionOf(file);
  const said = version === undefined ? "version not said in time" : printable(version, 40);
  return { file, check: findings.ok(`${said}, ${file}`) };
}

/** @param isPointed a setting says where it sends its requests; other findings say whether that is right. */
export function describeProgram({ file, check }: Installed, isPointed: boolean): Check {
  if (file === undefined || isPointed) return check;
  return { ...check, detail: `${check.detail}; not pointed at the relay` };
}
