// `cc-relay web`: opens the page of the running relay, signed in by a one-time code.

import { dirname } from "node:path";
import { Command } from "commander";
import type { Config } from "../config/config.ts";
import { toRun, UserError } from "../domain/errors.ts";
import { createCode } from "../web/sign-in-code.ts";
import { canShowBrowser, openBrowser } from "./browser.ts";
import type { CommandContext } from "./context.ts";
import { findRelay, pageStatus, requireRelay } from "./relay-address.ts";

export interface WebOptions {
  print: boolean;
}

export interface WebSteps {
  open(url: string): Promise<void>;
  leaveCode(databasePath: string, now: number): Promise<string>;
}

export function webCommand(context: CommandContext, run = runWeb): Command {
  return new Command("web")
    .description("open the page that shows accounts, usage and requests")
    .option("--print", "print the address instead of opening it")
    .addHelpText(
      "after",
      `
The address holds a code that signs one browser in. It works once, within a
minute. The page only reads: it changes nothing and reaches no provider's route.

Examples:
  $ cc-relay web
  $ cc-relay web --print`,
    )
    .action((flags: { print?: boolean }) => run(context, { print: flags.print ?? false }));
}

export async function runWeb(
  context: CommandContext,
  { print }: WebOptions,
  { open, leaveCode }: WebSteps = { open: openBrowser, leaveCode: createCode },
): Promise<void> {
  const config = await context.loadConfig({ missingVariables: "warning" });
  const origin = await findRelay(context, config);
  await requirePage(origin);
  const url = `${origin}/ui#code=${await makeCode(config, context.clock(), leaveCode)}`;
  const { stdout, stderr } = context.out;
  if (print) return stdout.write(`${url}\n`);
  if (!canShowBrowser(context.env, context.platform)) {
    stderr.write("no browser can be shown from here; within a minute, open this address on this machine:\n");
    return stdout.write(`${url}\n`);
  }
  try {
    await open(url);
  } catch (cause) {
    throw new UserError("the browser could not be started", {
      fix: toRun("get the address", "cc-relay web --print"),
      cause,
    });
  }
  stderr.write(`opened ${origin}/ui in the browser\n`);
}

/** Throws UserError unless a relay answers there and shows its page. */
async function requirePage(origin: string): Promise<void> {
  await requireRelay(origin);
  const status = await pageStatus(origin);
  if (status === 200) return;
  throw new UserError(`the relay at ${origin} does not show its page`, {
    fix: "write enabled = true under [ui] in config.toml; in a clone of the sources, run: npm run build",
  });
}

async function makeCode({ server }: Config, now: number, leaveCode: WebSteps["leaveCode"]): Promise<string> {
  try {
    return await leaveCode(server.databasePath, now);
  } catch (cause) {
    const { message, fix } = describeObstacle(server.databasePath, cause);
    throw new UserError(`no sign-in code could be left beside the relay's database: ${message}`, {
      fix,
      cause,
    });
  }
}

/** A relay whose disk takes no writes runs all the same, with its database in memory; a browser cannot be signed in then. */
function describeObstacle(databasePath: string, cause: unknown): { message: string; fix: string } {
  const folder = dirname(databasePath);
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
    case "EFBIG":
      return {
        message: `the disk of ${folder} is full (${code})`,
        fix: "make room on that disk, and run the same command again; the relay needs no restart",
      };
    case "EROFS":
      return {
        message: `the disk of ${folder} is read-only (${code})`,
        fix: "make that disk writable, or set server.database_path to a file on another one and restart the relay",
      };
    case "EACCES":
    case "EPERM":
      return {
        message: `this user may not write in ${folder} (${code})`,
        fix: `run it as the user who runs the relay, or make ${folder} writable`,
      };
    default:
      return {
        message: cause instanceof Error ? cause.message : String(cause),
        fix: "run it as the user who runs the relay, on the same machine",
      };
  }
}
