// What a person sees when the relay has started: where it is, what it serves, and what to type next in another terminal.

import { type Client, clientInfo } from "../../clients/variables.ts";
import type { Screen } from "../../terminal/output.ts";
import type { ShellSyntax } from "../../terminal/shells.ts";
import { plural } from "../../text/format.ts";
import { commandHere, type ProgramName } from "../invocation.ts";

export interface BannerFacts {
  version: string;
  url: string;
  /** The enabled ones. */
  accounts: number;
  /** The file that leads other commands to a demo; undefined for a relay with real accounts. */
  demoFile: string | undefined;
  /** Undefined: none was read. */
  file: string | undefined;
  /** The file that a command in another folder has to name to find this relay. */
  named: string | undefined;
  /** Undefined where `cc-relay env` leads to this relay; else the shell whose variables are set by hand. */
  byHand: ShellSyntax | undefined;
  program: ProgramName;
}

export function renderBanner(facts: BannerFacts, { style }: Pick<Screen, "style">): string {
  const { version, url, file, accounts, demoFile, named, program } = facts;
  const lines = [
    `${style.bold("cc-relay")} ${version}`,
    "",
    `  endpoint   ${style.cyan(url)}`,
    `  accounts   ${accountsText(facts)}`,
    demoFile === undefined
      ? `  config     ${file ?? "no file, defaults"}`
      : "  traffic    simulated clients, a request every few seconds",
    "",
    ...nextLines(facts, style.bold),
    ...(demoFile === undefined ? [] : lookLines(facts, style.bold)),
    ...(accounts === 0
      ? [
          `        add an account with ${style.bold(commandHere("cc-relay login claude", { configFile: named, program }))}`,
        ]
      : []),
    "",
    "",
  ];
  return lines.join("\n");
}

function accountsText({ accounts, demoFile }: BannerFacts): string {
  if (demoFile !== undefined) return `${plural(accounts, "simulated account")}: nothing leaves this machine`;
  return accounts > 0
    ? plural(accounts, "account")
    : "none yet: requests go on with the client's own credential";
}

function lookLines(facts: BannerFacts, bold: (text: string) => string): string[] {
  return [
    "  look: in another terminal, run",
    `        ${bold(commandHere("cc-relay top", { configFile: facts.demoFile, program: facts.program }))}`,
    "        and the same with log, usage, accounts list or web in the place of top",
  ];
}

const client: Client = "claude";

function nextLines(facts: BannerFacts, bold: (text: string) => string): string[] {
  const { url, named, byHand } = facts;
  if (byHand === undefined) {
    const line = commandHere(`eval "$(cc-relay env ${client})"`, {
      configFile: named,
      program: facts.program,
    });
    return [`  next: in another terminal, ${bold(line)} and start ${client}`];
  }
  const { urlVariable = "", keyVariable } = clientInfo[client];
  const lines = [byHand.set(urlVariable, url), byHand.set(keyVariable, "demo")];
  return [
    `  next: in another terminal, type this and start ${client}`,
    ...lines.map((line) => `        ${bold(line ?? "")}`),
  ];
}
