// What the checks of client programs are given (environment, home folder, programs in PATH, the relay's address) and share.

import { type Client, clientInfo } from "../../clients/variables.ts";
import type { ClientKey } from "../../config/config.ts";
import { printable } from "../../config/problem.ts";
import type { Fix } from "../../domain/errors.ts";
import type { Family } from "../../domain/family.ts";
import type { Environment } from "../../terminal/environment.ts";
import { type Shell, shellSyntax } from "../../terminal/shells.ts";
import type { Check, Findings } from "../check.ts";
import type { RelayProbe } from "../daemon.ts";
import { isAt } from "./addressing.ts";

export interface Programs {
  /** The absolute path of a program in PATH; undefined when there is none. */
  find(name: string): Promise<string | undefined>;
  /** What it says its version is; undefined when it does not say in time. Must not let it use the network. */
  versionOf(file: string): Promise<string | undefined>;
}

export interface Surroundings {
  env: Environment;
  /** The user's home folder. */
  home: string;
  cwd: string;
  /** For the commands that are named. */
  shell: Shell;
  programs: Programs;
  probe: RelayProbe;
  /** Undefined when the configuration does not say, or leaves the port to the system and none runs. */
  relay: RelayFacts | undefined;
}

export interface RelayFacts {
  /** Where it is, or would be. */
  origin: string;
  /** Empty: it asks for none. */
  keys: readonly ClientKey[];
  /** Those that have an account; for the others the client's own credential is forwarded. */
  families: ReadonlySet<Family>;
  /** Those with an account of type `client`: a client's own login is wanted. */
  ownLogins: ReadonlySet<Family>;
  /** Whether `[upstream] websocket` offers it. */
  webSocket: boolean;
}

/** Whether requests to a base URL are answered with our accounts: then no other credential may go along. */
export function usesAccounts(client: Client, baseUrl: string, relay: RelayFacts | undefined): boolean {
  if (relay === undefined || !isAt(baseUrl, relay.origin)) return false;
  return relay.keys.length > 0 || relay.families.has(clientInfo[client].family);
}

/** `eval "$(cc-relay env claude)"` */
export function pointAtRelay(client: Client, { shell }: Surroundings, { ownLogin = false } = {}): Fix {
  const command = shellSyntax[shell].evaluate(`cc-relay env ${client}${ownLogin ? " --own-login" : ""}`);
  return { instruction: "to point it at the relay, run:", command };
}

export function unset(name: string, { shell }: Surroundings): Fix {
  return { instruction: "to remove it from this shell, run:", command: shellSyntax[shell].unset(name) };
}

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
