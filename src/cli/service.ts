// `cc-relay service print`: unit files for service managers.

import { stat } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { Argument, Command } from "commander";
import { packageRoot } from "../config/package.ts";
import { quoteSh } from "../terminal/shells.ts";
import { sign } from "../terminal/style.ts";
import type { CommandContext } from "./context.ts";
import { composeFile } from "./service/docker-compose.ts";
import { launchdPlist } from "./service/launchd.ts";
import type { ServiceSite } from "./service/site.ts";
import { systemdUnit } from "./service/systemd.ts";

const kinds = ["systemd", "launchd", "docker-compose"] as const;
type Kind = (typeof kinds)[number];

const renderers: Readonly<Record<Kind, (site: ServiceSite) => string>> = {
  systemd: systemdUnit,
  launchd: launchdPlist,
  "docker-compose": composeFile,
};

export function serviceCommand(context: CommandContext, run = runServicePrint): Command {
  const print = new Command("print")
    .description("print a unit or compose file with this machine's paths")
    .addArgument(new Argument("<kind>", "what will run it").choices(kinds))
    .addHelpText(
      "after",
      `
Examples:
  $ cc-relay service print systemd > ~/.config/systemd/user/cc-relay.service
  $ cc-relay service print launchd > ~/Library/LaunchAgents/local.cc-relay.plist`,
    )
    .action((kind: Kind) => run(context, kind));
  return new Command("service")
    .description("describe the relay to a service manager")
    .addCommand(print)
    .addHelpText("after", "\nExample:\n  $ cc-relay service print systemd");
}

export async function runServicePrint(context: CommandContext, kind: Kind): Promise<void> {
  const site = await readSite(context);
  context.out.stdout.write(renderers[kind](site));
  await warn(context, site);
}

async function readSite(context: CommandContext): Promise<ServiceSite> {
  const config = await context.loadConfig({ missingVariables: "warning" });
  const { uid, gid } = userInfo();
  return {
    node: process.execPath,
    entry: join(packageRoot(), "bin", "cc-relay.js"),
    configFile: config.file,
    dataFolder: dirname(config.server.databasePath),
    homeFolder: homedir(),
    port: config.server.port,
    hasKeys: config.apiKeys.length > 0,
    drainSeconds: Math.ceil(config.server.drainMs / 1000),
    version: context.version,
    user: uid < 0 ? undefined : { uid, gid },
  };
}

/** What would keep the service from starting, on standard error: standard output is the file. */
async function warn({ out }: CommandContext, { entry, dataFolder }: ServiceSite): Promise<void> {
  const notice = (text: string, fix: string) => {
    out.stderr.write(`${sign("warn", out.stderr)} ${text}\n  - ${fix}\n`);
  };
  if (/[\\/]_npx[\\/]/.test(entry)) {
    notice(
      "cc-relay runs from npx's cache here, which npm clears now and then",
      "to install it for good, run: npm install -g cc-relay, and print the service again",
    );
  }
  if (!(await stat(dataFolder).catch(() => undefined))) {
    notice(
      `the data folder ${dataFolder} does not exist`,
      `to create it, run: mkdir -p ${quoteSh(dataFolder)}`,
    );
  }
}
