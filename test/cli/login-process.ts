// `cc-relay login` as a process of its own, in a home that nobody else has: in a pseudo-terminal or in pipes.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { openTerminal, type Terminal } from "../clients/terminal.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { perTest } from "../support/per-test.ts";
import { program } from "../support/program.ts";
import { until } from "../support/until.ts";
import { oauthToml } from "./login-support.ts";

export interface LoginHome {
  readonly folder: string;
  readonly configFile: string;
  /** The configuration file as it is now. */
  text(): string;
  /** No browser can be seen, unless `env` says so. */
  inTerminal(args: readonly string[], env?: Record<string, string>): Terminal;
  inPipes(args: readonly string[], env?: Record<string, string>): PipedLogin;
  /** Waits for a file that another program writes, and returns its text. */
  file(name: string): Promise<string>;
  close(): Promise<void>;
}

export interface PipedLogin {
  readonly child: ChildProcess;
  stderr(): string;
  /** Resolves when standard error matches. */
  shows(pattern: RegExp): Promise<void>;
  readonly ended: Promise<[code: number | null, signal: NodeJS.Signals | null]>;
}

const waitTimeoutMs = 20_000;

/** @param compiled a folder that keeps compiled code: the program is started many times, and then starts twice as fast. */
function createLoginHome(server: AuthorizationServer, compiled: string): LoginHome {
  const folder = mkdtempSync(join(tmpdir(), "cc-relay-login-"));
  const configFile = join(folder, "config.toml");
  writeFileSync(configFile, oauthToml(server));
  const terminals: Terminal[] = [];
  const children: ChildProcess[] = [];

  const environment = (more: Record<string, string> = {}): Record<string, string> => ({
    PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, "etc"),
    XDG_DATA_HOME: join(folder, "var"),
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? compiled,
    ...more,
  });

  return {
    folder,
    configFile,
    text: () => readFileSync(configFile, "utf8"),
    inTerminal(args, env) {
      const given = { args: [program, "login", ...args], env: environment(env), cwd: folder };
      const terminal = openTerminal({ file: process.execPath, ...given });
      terminals.push(terminal);
      return terminal;
    },
    inPipes(args, env) {
      const child = spawn(process.execPath, [program, "login", ...args], {
        cwd: folder,
        env: environment(env),
        stdio: ["pipe", "pipe", "pipe"],
      });
      children.push(child);
      return follow(child);
    },
    async file(name) {
      const path = join(folder, name);
      await until(`${name} is written`, () => existsSync(path), waitTimeoutMs);
      return readFileSync(path, "utf8");
    },
    async close() {
      for (const terminal of terminals) await terminal.close();
      for (const child of children) child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The terminal shows neither spaces nor line breaks, so that what follows a link is glued to it: a state has 43 characters. */
export function linksOn(terminal: Terminal): string[] {
  const pattern = /http:\/\/127\.0\.0\.1:\d+\/authorize\?.*?&state=[\w-]{43}/g;
  return [...terminal.seen().matchAll(pattern)].map(([link]) => link);
}

function follow(child: ChildProcess): PipedLogin {
  let stderr = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  return {
    child,
    stderr: () => stderr,
    async shows(pattern) {
      await until(`${pattern} on standard error`, () => pattern.test(stderr), waitTimeoutMs).catch(
        (error) => {
          throw new Error(`${error.message}, but this was shown: ${stderr}`);
        },
      );
    },
    ended: new Promise((resolve) => {
      child.once("close", (...end) => resolve(end));
    }),
  };
}

/** For each test of a file a home of its own, and a server that signs in. */
export function loginHomes(): { server: AuthorizationServer; home: LoginHome } {
  const compiled = mkdtempSync(join(tmpdir(), "cc-relay-compiled-"));
  after(() => rmSync(compiled, { recursive: true, force: true }));
  return perTest(async () => {
    const server = await startAuthorizationServer();
    const home = createLoginHome(server, compiled);
    return {
      ...{ server, home },
      async close() {
        await home.close();
        await server.close();
      },
    };
  });
}
