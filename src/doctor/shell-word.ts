// File names and ids in commands that a person copies into a shell.

import { quoteSh } from "../terminal/shells.ts";

/** As it is where no shell makes anything of it, else in quotes. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) && !text.startsWith("~") ? text : quoteSh(text);
}
