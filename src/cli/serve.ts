// `cc-relay serve`: the daemon, from its banner to the end of its last answer.

import { Command, InvalidArgumentError, Option } from "commander";
import type { RelayApp } from "../app/relay-app.ts";
import { type Config, describeWarning } from "../config/config.ts";
import { usualConfigFile } from "../config/discover.ts";
import { readEnvironment } from "../config/environment.ts";
import type { ReloadCause } from "../config/reload.ts";
import { secretsOf } from "../config/secrets.ts";
import { isMountedAlone } from "../config/watch.ts";
import { checkFileModes } from "../doctor/file-modes.ts";
import { fixText, UserError } from "../domain/errors.ts";
import { isLoopbackHost } from "../network/loopback.ts";
import type { Log, LogLevel } from "../telemetry/log.ts";
import type { Screen } from "../terminal/output.ts";
import { guessShell, shellSyntax } from "../terminal/shells.ts";
import type { CommandContext } from "./context.ts";
import { originOf } from "./relay-address.ts";
import { type BannerFacts, renderBanner } from "./serve/banner.ts";
import { demoConfig, fileConfig } from "./serve/config-source.ts";
import { createDoctorRun } from "./serve/doctor-run.ts";
import { createRequestLine } from "./serve/request-line.ts";

export interface ServeOptions {
  host?: string;
  port?: number;
  logLevel?: LogLevel;
  demo?: boolean;
}

export function serveCommand(context: CommandContext, run = runServe): Command {
  return new Command("serve")
    .description("run the relay until it is stopped")
    .option("--host <host>", "listen on this address instead of server.host")
    .addOption(new Option("--port <number>", "listen on this port; 0 picks a free one").argParser(readPort))
    .addOption(
      new Option("--log-level <level>", "how much to log").choices([
        "trace",
        "debug",
        "info",
        "warn",
        "error",
      ]),
    )
    .option("--demo", "answer from a simulated provider: no account, no network, nothing kept")
    .addHelpText("after", "\nExample:\n  $ cc-relay serve --port 3000")
    .action((options: ServeOptions) => run(context, options));
}

/** Resolves when the relay was stopped by a signal and every open answer is finished or broken off. */
async function runServe(context: CommandContext, options: ServeOptions): Promise<void> {
  // Everything a relay is made of: `--help` and the completion scripts do without.
  const [{ startRelayApp }, { createLog, logRejections }, { createSecretList }] = await Promise.all([
    import("../app/relay-app.ts"),
    import("../telemetry/log.ts"),
    import("../text/redact.ts"),
  ]);
  const source = options.demo ? await demoConfig(context) : await fileConfig(context);
  try {
    const secrets = createSecretList();
    const readConfig = async (cause: ReloadCause) => {
      const next = withFlags(await source.read(cause), options);
      secrets.add(...secretsOf(next));
      return next;
    };
    const config = await readConfig("asked");
    const screen = context.out.stderr;
    const log = createLog({
      level: config.server.logLevel,
      pretty: screen.isTerminal,
      colour: screen.isTerminal && screen.style.bold("x") !== "x",
      describe: createRequestLine(screen, context.clock),
      destination: screen.isTerminal ? screen : undefined,
      secrets: secrets.list,
    });
    const app = await startRelayApp({
      config,
      readConfig,
      watchedFiles: source.watchedFiles,
      log,
      secrets,
      version: context.version,
      examine: createDoctorRun(() => source.demo?.file ?? app.config().file, context.clock),
      refreshes: "detached",
    });
    markCrashes();
    const stopLoggingRejections = logRejections(log);
    if (screen.isTerminal) {
      const facts = await readBannerFacts(app, context, source.demo?.file);
      screen.write(renderBanner(facts, screen));
    }
    for (const warning of config.warnings) log.warn({}, describeWarning(warning));
    await warnOfFiles(config, log);
    log.info(
      {
        ...{ url: originOf(app), accounts: config.accounts.length, pid: process.pid },
        // On a terminal it is in the banner.
        ...(source.demo && !screen.isTerminal && { config: source.demo.file }),
      },
      "listening",
    );
    const stopTraffic = source.demo?.startTraffic(originOf(app));
    await untilStopped(screen, () => app.reload("asked"));
    log.info({}, "stopping: open answers may finish");
    onSecondSignal(() => app.abortAll());
    await stopTraffic?.();
    await app.close();
    stopLoggingRejections();
    log.info({}, "stopped");
  } finally {
    await source.close();
  }
}

/** EX_SOFTWARE of sysexits.h: a service manager starts again what has crashed, but not what could not start, which is 1. */
function markCrashes(): void {
  process.once("uncaughtExceptionMonitor", () => {
    process.once("exit", () => {
      process.exitCode = 70;
    });
  });
}

/** What is doubtful about the files themselves: who else reads or writes them, and how one got into a container. */
async function warnOfFiles({ file, server }: Config, log: Log): Promise<void> {
  const modes = checkFileModes({
    configFile: file,
    databasePath: server.databasePath,
    platform: process.platform,
    uid: process.getuid?.(),
  });
  for (const { detail, fix } of modes) if (fix !== undefined) log.warn({ fix: fixText(fix) }, detail);
  if (file !== undefined && (await isMountedAlone(file))) {
    const fix = "mount its folder, and name the file with --config";
    log.warn(
      { file, fix },
      "the configuration file is mounted by itself: a new one in its place is not seen",
    );
  }
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw new InvalidArgumentError("a port is a number from 0 to 65535.");
  return port;
}

function withFlags(config: Config, { host, port, logLevel }: ServeOptions): Config {
  if (host !== undefined && !isLoopbackHost(host) && config.apiKeys.length === 0) {
    throw new UserError(`${host} can be reached by others, and no api_keys are set`, {
      fix: "set api_keys at the top of config.toml, or listen on 127.0.0.1",
    });
  }
  const { server } = config;
  return {
    ...config,
    server: {
      ...server,
      host: host ?? server.host,
      port: port ?? server.port,
      logLevel: logLevel ?? server.logLevel,
    },
  };
}

async function readBannerFacts(
  app: RelayApp,
  context: CommandContext,
  demoFile: string | undefined,
): Promise<BannerFacts> {
  const { file, accounts } = app.config();
  const url = originOf(app);
  const isFound = demoFile === undefined || (await leadsTo(url, context));
  return {
    version: context.version,
    url,
    accounts: accounts.filter((account) => account.enabled).length,
    demoFile,
    program: context.program,
    file,
    named: file === usualConfigFile(readEnvironment()) ? undefined : file,
    byHand: isFound ? undefined : shellSyntax[guessShell(context.env, context.platform)],
  };
}

/** Whether `cc-relay env` finds the address: a demo is in no database that other commands read. */
async function leadsTo(url: string, context: CommandContext): Promise<boolean> {
  try {
    const { findRelay } = await import("./relay-address.ts");
    return (await findRelay(context, await context.loadConfig({ missingVariables: "warning" }))) === url;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

function untilStopped(screen: Screen, reload: () => Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    // The system says that a terminal was closed with the signal that makes daemons reload.
    const hangUp = () => (screen.isGone() ? stop() : void reload());
    const stop = () => {
      // SIGHUP stays: without a listener it would end the process in the middle of its open answers.
      process.off("SIGTERM", stop).off("SIGINT", stop);
      resolve();
    };
    process.on("SIGHUP", hangUp).on("SIGTERM", stop).on("SIGINT", stop);
  });
}

/** The second signal ends the wait; the third one ends the process as the system does. */
function onSecondSignal(abort: () => void): void {
  process.once("SIGTERM", abort).once("SIGINT", abort);
}
