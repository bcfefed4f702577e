// `cc-relay run` in a folder with clients that write down how they were started, and a relay that answers.

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunOptions, runClient } from "../../src/cli/run.ts";
import {
  type FakeContext,
  type FakeContextOptions,
  fakeConfig,
  fakeContext,
  listenAsRelay,
} from "./support.ts";

/** How a client was started. */
interface Seen {
  args: string[];
  env: Record<string, string>;
  /** Gemini CLI's. */
  home?: string;
  /** Gemini CLI's, in its home. */
  settings?: unknown;
}

export interface RunPlace {
  readonly folder: string;
  /** Of the relay. */
  readonly port: number;
  /** Installs a client that writes down how it was started, then runs `then`. */
  install(client: string, then?: string): void;
  /** Of the client that ran last. */
  seen(): Seen;
  /** No client but those installed here is found in it. */
  environment(more?: Record<string, string>): Record<string, string>;
  /** Runs Claude Code, where the options name no other client. */
  run(options: Partial<RunOptions>, surroundings?: FakeContextOptions): Promise<FakeContext>;
  close(): Promise<void>;
}

export const keys = [{ name: "key-1", key: "relay-key" }];

export async function createRunPlace(): Promise<RunPlace> {
  const folder = mkdtempSync(join(tmpdir(), "cc-relay-run-"));
  mkdirSync(join(folder, "bin"));
  const relay = await listenAsRelay();
  const environment = (more: Record<string, string> = {}) => ({
    PATH: join(folder, "bin"),
    HOME: folder,
    CLAUDE_CONFIG_DIR: join(folder, ".claude"),
    ...more,
  });
  return {
    folder,
    port: relay.port,
    install: (client, then = "") => install({ folder, client, then }),
    seen: () => JSON.parse(readFileSync(join(folder, "seen.json"), "utf8")),
    environment,
    async run(options, surroundings = {}) {
      const context = fakeContext({
        config: fakeConfig({ keys, port: relay.port }),
        env: environment(),
        cwd: folder,
        ...surroundings,
      });
      await runClient(context, {
        client: "claude",
        args: [],
        keyName: undefined,
        ownLogin: false,
        webSocket: true,
        ...options,
      });
      return context;
    },
    async close() {
      await relay.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function install({ folder, client, then }: { folder: string; client: string; then: string }): void {
  const file = join(folder, "bin", client);
  const seen = JSON.stringify(join(folder, "seen.json"));
  writeFileSync(
    file,
    `#!${process.execPath}
const fs = require("node:fs");
const home = process.env.GEMINI_CLI_HOME;
const settings = home && JSON.parse(fs.readFileSync(home + "/.gemini/settings.json", "utf8"));
fs.writeFileSync(${seen}, JSON.stringify({ args: process.argv.slice(2), env: process.env, home, settings }));
${then}
`,
  );
  chmodSync(file, 0o755);
}
