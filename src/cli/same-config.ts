// Adds the `--config` of this call to commands that are suggested to a person: without it they would be about another relay.

import { shellWord } from "../terminal/shells.ts";

/** The text with that file in every command of ours; as it is where none was named. */
export function withSameConfig(text: string, configFile: string | undefined): string {
  if (configFile === undefined) return text;
  return text.replace(ownCommand, () => `cc-relay --config ${shellWord(configFile)} `);
}

/** Those that read a configuration. */
const ownCommand =
  /\bcc-relay (?=(?:accounts|doctor|env|log|login|notify|run|serve|service|top|usage|web)\b)/g;
