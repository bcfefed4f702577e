// Real proxy servers from Debian, each with a configuration of its own on loopback. What they connect to sees them by an
// address that nobody else here has, and they alone know the hosts of `knownHosts`.

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { until } from "../support/until.ts";

export type ProxyProgram = "microsocks" | "dante" | "tinyproxy" | "squid";

export interface RealProxy {
  readonly program: ProxyProgram;
  /** As it is in a message: `the socks5 proxy 127.0.0.1:1080`. */
  readonly title: string;
  /** The address from which it connects. */
  readonly egress: string;
  /** As `--proxy` takes it. */
  readonly url: string;
  /** `[accounts.proxy]` of an account. */
  toml(credentials?: Credentials): string;
  /** How many tunnels it has opened, by its own log. Squid writes one down when it is closed. */
  tunnels(): Promise<number>;
  /** Goes on listening and does nothing. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
  /** On the same port. */
  restart(): Promise<void>;
}

export interface Credentials {
  username: string;
  password: string;
}

/** Names that no other resolver of this machine knows. */
export const knownHosts = ["provider.test", "login.test"] as const;

export async function startRealProxy(
  t: TestContext,
  program: ProxyProgram,
  credentials?: Credentials,
): Promise<RealProxy> {
  const folder = await mkdtemp(join(tmpdir(), `cc-relay-${program}-`));
  // Squid writes its log as a user of its own.
  await chmod(folder, 0o777);
  const port = await freePort();
  const { type, egress, prepare, opened } = programs[program];
  const start = await prepare({ folder, port, egress, credentials });
  const hosts = join(folder, "hosts");
  await writeFile(hosts, `127.0.0.1 localhost ${knownHosts.join(" ")}\n`);
  const log = join(folder, "output.log");
  let child: ChildProcess | undefined;

  async function run(): Promise<void> {
    const started = spawn("unshare", [...inOwnMounts(hosts, log), ...start], {
      cwd: folder,
      detached: true,
      stdio: "ignore",
    });
    child = started;
    const ended = new Promise<never>((_, reject) => {
      started.once("error", reject);
      started.once("exit", async (code) => {
        const output = existsSync(log) ? await readFile(log, "utf8") : "";
        reject(new Error(`${program} ended with ${code}: ${output}`));
      });
    });
    ended.catch(() => {});
    await Promise.race([until(`${program} listens`, () => canConnect(port), 20_000), ended]);
  }

  function signal(name: NodeJS.Signals): void {
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid, name);
    }
  }

  async function stop(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child!.once("exit", resolve));
    signal("SIGKILL");
    await exited;
  }

  t.after(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });
  await run();
  const { username, password } = credentials ?? {};
  const login = username === undefined ? "" : `${username}:${password}@`;
  return {
    program,
    title: `the ${type} proxy 127.0.0.1:${port}`,
    egress,
    url: `${type}://${login}127.0.0.1:${port}`,
    toml(given = credentials) {
      const lines = ["[accounts.proxy]", `type = "${type}"`, 'host = "127.0.0.1"', `port = ${port}`];
      if (given) lines.push(`username = "${given.username}"`, `password = "${given.password}"`);
      return `${lines.join("\n")}\n`;
    },
    async tunnels() {
      const files = [log, join(folder, "access.log")].filter((file) => existsSync(file));
      const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
      return texts.join("").match(opened)?.length ?? 0;
    },
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    stop,
    restart: run,
  };
}

interface Site {
  folder: string;
  port: number;
  egress: string;
  credentials: Credentials | undefined;
}

interface Program {
  type: "socks5" | "socks5h" | "http";
  egress: string;
  /** Writes its configuration; returns the command that keeps it in the foreground. */
  prepare(site: Site): Promise<string[]>;
  /** What its log says for every tunnel it opens. */
  opened: RegExp;
}

const programs: Readonly<Record<ProxyProgram, Program>> = {
  microsocks: {
    type: "socks5",
    egress: "127.0.0.2",
    opened: /: connected to /g,
    async prepare({ port, egress, credentials }) {
      const login = credentials ? ["-u", credentials.username, "-P", credentials.password] : [];
      return ["microsocks", "-i", "127.0.0.1", "-p", String(port), "-b", egress, ...login];
    },
  },
  dante: {
    type: "socks5h",
    egress: "127.0.0.5",
    opened: /pass\(\d+\): tcp\/connect \[/g,
    async prepare({ folder, port, egress }) {
      const file = join(folder, "danted.conf");
      const lines = [
        "logoutput: stderr",
        `internal: 127.0.0.1 port = ${port}`,
        `external: ${egress}`,
        "clientmethod: none",
        "socksmethod: none",
        "user.privileged: root",
        "user.unprivileged: root",
        "client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }",
        "socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 log: connect error }",
      ];
      await writeFile(file, `${lines.join("\n")}\n`);
      return ["danted", "-f", file, "-p", join(folder, "danted.pid")];
    },
  },
  tinyproxy: {
    type: "http",
    egress: "127.0.0.3",
    opened: /Established connection to host/g,
    async prepare({ folder, port, egress, credentials }) {
      const file = join(folder, "tinyproxy.conf");
      const lines = [
        `Port ${port}`,
        "Listen 127.0.0.1",
        `Bind ${egress}`,
        "Timeout 600",
        "LogLevel Connect",
        "MaxClients 100",
        ...(credentials ? [`BasicAuth ${credentials.username} ${credentials.password}`] : []),
      ];
      await writeFile(file, `${lines.join("\n")}\n`);
      return ["tinyproxy", "-d", "-c", file];
    },
  },
  squid: {
    type: "http",
    egress: "127.0.0.4",
    opened: /TCP_TUNNEL\/200/g,
    async prepare({ folder, port, egress, credentials }) {
      const file = join(folder, "squid.conf");
      const passwords = join(folder, "passwords");
      const lines = [
        `http_port 127.0.0.1:${port}`,
        `pid_filename ${join(folder, "squid.pid")}`,
        `access_log stdio:${join(folder, "access.log")}`,
        "logfile_rotate 0",
        "cache_log /dev/null",
        "cache deny all",
        `coredump_dir ${folder}`,
        `tcp_outgoing_address ${egress}`,
        "max_filedescriptors 1024",
      ];
      if (credentials) {
        await writeFile(
          passwords,
          `${credentials.username}:${createHash("md5").update(credentials.password).digest("hex")}\n`,
        );
        lines.push(
          `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${passwords}`,
          "auth_param basic children 2",
          "acl known proxy_auth REQUIRED",
          "http_access allow known",
          "http_access deny all",
        );
      } else lines.push("http_access allow all");
      await writeFile(file, `${lines.join("\n")}\n`);
      return ["squid", "-N", "-f", file];
    },
  },
};

/** A view of the files in which /etc/hosts is another one: nobody but the program reads it. */
function inOwnMounts(hosts: string, log: string): string[] {
  const script = 'mount --bind "$1" /etc/hosts && log=$2 && shift 2 && exec "$@" >>"$log" 2>&1';
  const rights = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  return ["--mount", ...rights, "sh", "-c", script, "sh", hosts, log];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
