// A command's surroundings, made up.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { CommandContext } from "../../src/cli/context.ts";
import type { ProgramName } from "../../src/cli/invocation.ts";
import type { AccountConfig, Config } from "../../src/config/config.ts";
import { defaultAccount } from "../../src/config/defaults.ts";
import { UserError } from "../../src/domain/errors.ts";
import type { Environment } from "../../src/terminal/environment.ts";
import { keyKinds } from "../../src/upstreams/kinds.ts";
import { defaultConfig } from "../support/default-config.ts";
import { type FakeScreen, fakeScreen } from "../terminal/support.ts";

export interface FakeContext extends CommandContext {
  out: { stdout: FakeScreen; stderr: FakeScreen };
}

export interface FakeContextOptions {
  config?: Config;
  env?: Environment;
  cwd?: string;
  platform?: NodeJS.Platform;
  program?: ProgramName;
  /** For both streams; pipes when absent. */
  screen?: Parameters<typeof fakeScreen>[0];
  daemon?: { host: string; port: number };
}

export function fakeContext(options: FakeContextOptions = {}): FakeContext {
  const unavailable = () => Promise.reject(new UserError("nobody answers in a test"));
  return {
    out: {
      stdout: fakeScreen({ isTerminal: false, ...options.screen }),
      stderr: fakeScreen({ isTerminal: false, ...options.screen }),
    },
    prompts: {
      available: false,
      confirm: unavailable,
      secret: unavailable,
      text: unavailable,
      select: unavailable,
    },
    env: options.env ?? {},
    cwd: options.cwd ?? "/",
    platform: options.platform ?? "linux",
    version: "1.2.3",
    program: options.program ?? "cc-relay",
    clock: () => Date.UTC(2026, 10, 22, 12),
    openFullScreen: () => {
      throw new Error("no terminal in a test");
    },
    stdin: async function* () {},
    configFile: undefined,
    loadConfig: async () => options.config ?? fakeConfig(),
    configPlaces: async () => [],
    findDaemon: async () => options.daemon,
    exitCode: 0,
    exitSignal: undefined,
  };
}

export interface FakeConfigOptions {
  accounts?: AccountConfig[];
  keys?: { name: string; key: string }[];
  host?: string;
  port?: number;
  file?: string;
}

export function fakeConfig({ accounts = [], keys = [], host, port, file }: FakeConfigOptions = {}): Config {
  const config = defaultConfig({ databasePath: "/nowhere/relay.db", accounts });
  return {
    ...config,
    file,
    apiKeys: keys,
    server: { ...config.server, host: host ?? config.server.host, port: port ?? config.server.port },
  };
}

export function fakeAccount(family: "claude" | "gemini" | "openai", id = `${family}-1`): AccountConfig {
  return defaultAccount({
    id,
    kind: keyKinds[family],
    apiUrl: "http://127.0.0.1:9",
    secret: "made-up-secret",
  });
}

/** Something that listens on a loopback port. */
export async function listen(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ port: number; close(): Promise<void> }> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** As much of a relay as commands ask for before they start something. */
export function listenAsRelay({ demo = false }: { demo?: boolean } = {}): ReturnType<typeof listen> {
  return listen((request, response) => {
    response.setHeader("content-type", "application/json");
    if (request.url === "/health") {
      response.end(JSON.stringify({ status: "ok", version: "1.2.3", uptime_seconds: 1 }));
      return;
    }
    // Anything else would leave a request behind.
    const isStatus = request.method === "GET" && request.url === "/status";
    const accounts = demo ? [{ id: "demo-claude-1" }] : [{ id: "claude-1" }];
    response
      .writeHead(isStatus ? 200 : 404)
      .end(JSON.stringify(isStatus ? { version: "1.2.3", accounts } : { type: "error" }));
  });
}
