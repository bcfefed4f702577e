// A folder with a configuration and a database of its own, and commands that are typed in it.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProgram } from "../../src/cli/program.ts";
import { reportError } from "../../src/cli/report.ts";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { fakeEnvironment } from "../config/support.ts";
import { putEmptyDatabase } from "../support/empty-database.ts";
import { type FakeContextOptions, fakeContext } from "./support.ts";

/** What the commands take for the present. */
export const now = Date.UTC(2026, 10, 22, 12);
export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export interface Result {
  stdout: string;
  stderr: string;
  code: number;
}

export interface TypeOptions extends Pick<FakeContextOptions, "screen"> {
  /** Somebody sits at the terminal and answers the question so. */
  answer?: boolean;
  /** Epoch ms. */
  at?: number;
}

export interface Workplace {
  readonly folder: string;
  readonly configFile: string;
  readonly database: string;
  /** Reads the configuration as every command does. */
  loadConfig(): Promise<Config>;
  /** Questions that were asked. */
  readonly questions: string[];
  /** One command line, without `cc-relay`. */
  type(line: string, options?: TypeOptions): Promise<Result>;
  /** Puts something into the database, which is created if need be. */
  store(work: (store: Store) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** @param toml the configuration file; there is none when undefined. */
export async function createWorkplace(toml: string | undefined): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-cli-"));
  const configFile = join(folder, "config.toml");
  if (toml !== undefined) await writeFile(configFile, toml);
  const dataFolder = join(folder, "data");
  const environment = fakeEnvironment({ cwd: folder, configFolder: join(folder, "etc"), dataFolder });
  const database = join(dataFolder, "relay.db");
  const questions: string[] = [];
  return {
    folder,
    configFile,
    database,
    questions,
    loadConfig: () => loadConfig({ environment, kinds: accountKinds }),
    async type(line, { screen, answer, at = now } = {}) {
      const argv = line.split(" ");
      const context = fakeContext({ screen, cwd: folder });
      Object.assign(context, {
        clock: () => at,
        loadConfig: (options: object) =>
          loadConfig({ ...options, flag: context.configFile, environment, kinds: accountKinds }),
      });
      if (answer !== undefined) {
        Object.assign(context.prompts, {
          available: true,
          confirm: async ({ message }: { message: string }) => {
            questions.push(message);
            return answer;
          },
        });
      }
      try {
        await (await createProgram(context, argv)).parseAsync(argv, { from: "user" });
      } catch (error) {
        context.exitCode = reportError(error, context);
      }
      const { stdout, stderr } = context.out;
      return { stdout: stdout.text(), stderr: stderr.text(), code: context.exitCode };
    },
    async store(work) {
      await putEmptyDatabase(database);
      const store = await openSqliteStore(database);
      try {
        await work(store);
      } finally {
        await store.close();
      }
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** For one test: a place that is gone after it. */
export async function inWorkplace(
  toml: string | undefined,
  work: (place: Workplace) => Promise<void>,
): Promise<void> {
  const place = await createWorkplace(toml);
  try {
    await work(place);
  } finally {
    await place.close();
  }
}
