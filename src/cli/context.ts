// The context of every command: output, prompts, environment, and how to read the configuration.

import { existsSync } from "node:fs";
import type { Config } from "../config/config.ts";
import type { LoadOptions } from "../config/load.ts";
import { readVersion } from "../config/package.ts";
import { UserError } from "../domain/errors.ts";
import type { DaemonInfo } from "../store/store.ts";
import { type Environment, processEnvironment } from "../terminal/environment.ts";
import { type FullScreen, type FullScreenEvents, openFullScreen } from "../terminal/full-screen.ts";
import { createOutput, type Output } from "../terminal/output.ts";
import { createPrompts, type Prompts } from "../terminal/prompts.ts";
import { type Invocation, readHere, readProgramName } from "./invocation.ts";

export interface CommandContext extends Invocation {
  readonly out: Output;
  readonly prompts: Prompts;
  readonly env: Environment;
  readonly cwd: string;
  readonly platform: NodeJS.Platform;
  /** Of this package. */
  readonly version: string;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Takes the whole terminal, which standard input and output have to be. */
  readonly openFullScreen: (events: FullScreenEvents) => FullScreen;
  /** Standard input, opened when it is read. */
  readonly stdin: () => AsyncIterable<Buffer | string>;
  /** Set before any command runs. */
  configFile: string | undefined;
  /** Finds and reads the configuration anew; without a file the defaults. Throws UserError with every problem. */
  loadConfig(options?: Pick<LoadOptions, "missingVariables" | "inspect">): Promise<Config>;
  /** The file that was found, or every place where one would be: what a running relay has to watch. */
  configPlaces(): Promise<readonly string[]>;
  /** The running relay of this configuration's database; undefined when none runs. */
  findDaemon(config: Config): Promise<Pick<DaemonInfo, "host" | "port"> | undefined>;
  /** What the process will exit with when the command returns; for commands whose result is no error. */
  exitCode: number;
  /** The signal that ended a program which ran in our place: the process dies of it too. */
  exitSignal: NodeJS.Signals | undefined;
}

/** The context of this process. */
export function createContext(): CommandContext {
  const env = processEnvironment();
  const context: CommandContext = {
    out: createOutput({ stdout: process.stdout, stderr: process.stderr, env }),
    prompts: createPrompts(process),
    env,
    cwd: process.cwd(),
    platform: process.platform,
    version: readVersion(),
    program: readProgramName(env, process.platform),
    clock: Date.now,
    openFullScreen: (events) => openFullScreen(process, events),
    stdin: () => process.stdin,
    configFile: undefined,
    async loadConfig(options) {
      const { loadConfig } = await import("../config/load.ts");
      const { readEnvironment } = await import("../config/environment.ts");
      const { accountKinds: kinds } = await import("../upstreams/kinds.ts");
      const { configFile: flag } = context;
      return readHere(context, () => loadConfig({ ...options, flag, environment: readEnvironment(), kinds }));
    },
    async configPlaces() {
      const { discoverConfig } = await import("../config/discover.ts");
      const { readEnvironment } = await import("../config/environment.ts");
      const found = await discoverConfig({ flag: context.configFile, environment: readEnvironment() });
      return found.file === undefined ? found.candidates : [found.file];
    },
    findDaemon,
    exitCode: 0,
    exitSignal: undefined,
  };
  return context;
}

async function findDaemon({ server }: Config): Promise<DaemonInfo | undefined> {
  // Without a database no relay has run, and SQLite need not be loaded to find that out.
  if (!existsSync(server.databasePath)) return undefined;
  const { openStore } = await import("../store/open.ts");
  try {
    const store = await openStore(server, { for: "reading", busyTimeoutMs: 500 });
    try {
      const { info, running } = await store.daemon.look();
      return running ? info : undefined;
    } finally {
      await store.close();
    }
  } catch (error) {
    // A database that cannot be read has its own command, `doctor`; the configured address is as good a guess as any.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
