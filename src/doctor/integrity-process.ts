// Looks for damage in a database, in a process of its own: `node integrity-process.js DATABASE`.
//
// SQLite reads the whole file in one call. In the doctor's own process that call would block the timers of all other checks,
// and nothing could end it when it takes too long.

import { fixText, UserError } from "../domain/errors.ts";
import { findDamage } from "../store/integrity.ts";

const [path = ""] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await inspect()));

async function inspect(): Promise<object> {
  try {
    return { damage: (await findDamage(path)) ?? null };
  } catch (error) {
    const { message } = error as Error;
    return { message, fix: error instanceof UserError && error.fix ? fixText(error.fix) : undefined };
  }
}
