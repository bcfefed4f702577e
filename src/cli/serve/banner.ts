// What a person sees when the relay has started: where it is, what it serves, and what to type next in another terminal.

import { type Client, clientInfo } from "../../clients/variables.ts";
import type { Screen } from "../../terminal/output.ts";
import type { ShellSyntax } from "../../terminal/shells.ts";
import { plural } from "../../text/format.ts";
import { withSameConfig } from "../same-config.ts";

export interface BannerFacts {
  version: string;
  url: string;
  /** The enabled ones. */
  accounts: number;
  isDemo: boolean;
  /** The file that leads other commands to a demo. */
  demoFile?: string;
  /** Undefined: none was read. */
  file: string | undefined;
  /** The file that a command in another folder has to name to find this relay. */
  named: string | undefined;
  /** Undefined where `cc-relay env` leads to this relay; else the shell whose variables are set by hand. */
  byHand: ShellSyntax | undefined;
}

export function renderBanner(facts: BannerFacts, { style }: Pick<Screen, "style">): string {
  const { version, url, file, accounts } = facts;
  const lines = [
    `${style.bold("cc-relay")} ${version}`,
    "",
    `  endpoint   ${style.cyan(url)}`,
    `  accounts   ${accountsText(facts)}`,
    `  config     ${file ?? "no file, defaults"}`,
    "",
    ...nextLines(facts, style.bold),
    ...(facts.demoFile === undefined
      ? []
      : [
          `        look into it with ${style.bold(withSameConfig("cc-relay top", facts.demoFile))}`,
          "        or with log, usage or web in the place of top",
        ]),
    ...(accounts === 0
      ? [`        add an account with ${style.bold(withSameConfig("cc-relay login claude", facts.named))}`]
      : []),
    "",
    "",
  ];
  return lines.join("\n");
}

function accountsText({ accounts, isDemo }: BannerFacts): string {
  if (isDemo) return `${plural(accounts, "simulated account")}: nothing leaves this machine`;
  return accounts > 0
    ? plural(accounts, "account")
    : "none yet: requests go on with the client's own credential";
}

const client: Client = "claude";

function nextLines({ url, named, byHand }: BannerFacts, bold: (text: string) => string): string[] {
  if (byHand === undefined) {
    const line = withSameConfig(`eval "$(cc-relay env ${client})"`, named);
    return [`  next: in another terminal, ${bold(line)} and start ${client}`];
  }
  const { urlVariable = "", keyVariable } = clientInfo[client];
  const lines = [byHand.set(urlVariable, url), byHand.set(keyVariable, "demo")];
  return [
    `  next: in another terminal, type this and start ${client}`,
    ...lines.map((line) => `        ${bold(line ?? "")}`),
  ];
}
