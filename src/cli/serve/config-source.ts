// Where the configuration of `serve` comes from: the user's file, or a demo's own one in a temporary folder.

import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AccountConfig, Config } from "../../config/config.ts";
import { readEnvironment } from "../../config/environment.ts";
import { createConfigReader, type ReloadCause } from "../../config/reload.ts";
import { formatLines } from "../../config/toml-format.ts";
import { type SightedFile, sightFile } from "../../config/watch.ts";
import type { CommandContext } from "../context.ts";

export interface ConfigSource {
  read(cause: ReloadCause): Promise<Config>;
  watchedFiles: readonly SightedFile[];
  /** Undefined for a relay with real accounts. */
  demo?: {
    /** The file that other commands have to name to find this relay. */
    file: string;
    /** Lets its clients send requests to the relay; returns a function that ends them. */
    startTraffic(origin: string): () => Promise<void>;
  };
  close(): Promise<void>;
}

export async function fileConfig(context: CommandContext): Promise<ConfigSource> {
  const watchedFiles = (await context.configPlaces()).map(sightFile);
  const { read } = createConfigReader((inspect) => context.loadConfig({ inspect }));
  return { read, watchedFiles, close: async () => {} };
}

/** The simulated accounts, in a file of their own: no other one is read. It and the database go when the demo ends. */
export async function demoConfig({ clock }: Pick<CommandContext, "clock">): Promise<ConfigSource> {
  const [{ loadConfig }, { accountKinds: kinds }, { startDemo }, { demoClients }, { startTraffic }, folders] =
    await Promise.all([
      import("../../config/load.ts"),
      import("../../upstreams/kinds.ts"),
      import("../../demo/demo.ts"),
      import("../../demo/conversations.ts"),
      import("../../demo/traffic.ts"),
      import("./demo-folder.ts"),
    ]);
  const demo = await startDemo();
  const folder = await folders.makeDemoFolder(clock());
  const file = join(folder, "config.toml");
  await writeFile(file, demoToml(join(folder, folders.demoDatabase), demo.accounts), { mode: 0o600 });
  return {
    // What is changed in it counts, as with any other: accounts are disabled and enabled there.
    read: async () => ({
      ...(await loadConfig({ flag: file, environment: readEnvironment(), kinds })),
      file: undefined,
      demoClients,
    }),
    watchedFiles: [sightFile(file)],
    demo: { file, startTraffic: (origin) => startTraffic(origin).close },
    async close() {
      await demo.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** For the commands that look into a demo while it runs. */
function demoToml(databasePath: string, accounts: readonly AccountConfig[]): string {
  const tables = accounts.map(({ id, name, type, priority, apiUrl, secret }) => [
    "[[accounts]]",
    ...formatLines({ id, name, type, priority, api_url: apiUrl, api_key: secret }),
  ]);
  const server = ["[server]", ...formatLines({ database_path: databasePath })];
  return [server, ...tables].map((lines) => `${lines.join("\n")}\n`).join("\n");
}
