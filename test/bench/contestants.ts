// Starts what is measured (the built relay, the bare pass-through, nginx and haproxy where they are installed, other programs by their
// command), and reads what its processes take.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { install } from "../clients/install.ts";
import { type ClientPackage, cacheFolder } from "../clients/packages.ts";
import { builtProgram } from "../support/serve-process.ts";

export interface Contestant {
  name: string;
  url: string;
  /** For each request. */
  headers: Readonly<Record<string, string>>;
  /** From its start until it takes connections. */
  startMs: number;
  /** CPU time until then. */
  startCpuMs: number;
  /** Of the process and its children. */
  cpuUs(): number;
  rssMiB(): number;
  stop(): Promise<void>;
}

export interface Upstream {
  port: number;
  /** For files. */
  folder: string;
}

export async function startRelay({ port, folder }: Upstream): Promise<Contestant> {
  const file = join(folder, "config.toml");
  const accounts = ["a", "b"].map(
    (id) =>
      `[[accounts]]\nid = "${id}"\nname = "${id}"\ntype = "claude-api"\napi_key = "key-${id}"\napi_url = "http://127.0.0.1:${port}"\n`,
  );
  const server = '[server]\nport = 0\ndatabase_path = "relay.db"\nlog_level = "info"\n';
  writeFileSync(file, server + accounts.join(""), { mode: 0o600 });
  const begun = performance.now();
  const child = spawn(process.execPath, [builtProgram, "--config", file, "serve"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const url = await said(child, child.stderr!, /"url":"([^"]+)"/);
  return contestant("cc-relay", child, { url, begun });
}

export async function startFloor({ port }: Upstream): Promise<Contestant> {
  const begun = performance.now();
  const program = [join(import.meta.dirname, "floor.ts"), `http://127.0.0.1:${port}`];
  const child = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "inherit"] });
  const own = await said(child, child.stdout!, /^(\d+)\n/);
  return contestant("pass-through", child, { url: `http://127.0.0.1:${own}`, begun });
}

/** Undefined where it is not installed. */
export async function startNginx({ port, folder }: Upstream): Promise<Contestant | undefined> {
  if (!isInstalled("nginx")) return undefined;
  const own = await freePort();
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr error;
events { worker_connections 16384; }
http { access_log off; client_max_body_size 64m; client_body_temp_path ${folder}/nginx-body; proxy_temp_path ${folder}/nginx-proxy;
  upstream provider { server 127.0.0.1:${port}; keepalive 64; }
  server { listen 127.0.0.1:${own} backlog=4096; location / { proxy_pass http://provider; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_set_header x-api-key key; proxy_buffering off; proxy_request_buffering off; } } }
`,
  );
  return await startOther("nginx", `exec nginx -p ${folder} -c ${file}`, { own, port });
}

/** Undefined where it is not installed. */
export async function startHaproxy({ port, folder }: Upstream): Promise<Contestant | undefined> {
  if (!isInstalled("haproxy")) return undefined;
  const own = await freePort();
  const file = join(folder, "haproxy.cfg");
  writeFileSync(
    file,
    `global
  maxconn 8000
  nbthread 1
defaults
  mode http
  timeout connect 10s
  timeout client 300s
  timeout server 300s
frontend clients
  bind 127.0.0.1:${own}
  http-request set-header x-api-key key
  default_backend provider
backend provider
  http-reuse always
  server provider 127.0.0.1:${port}
`,
  );
  return await startOther("haproxy", `exec haproxy -db -f ${file}`, { own, port });
}

/** The peer that npm carries. Undefined where it cannot be installed. */
export async function startPortkey({ port, folder }: Upstream): Promise<Contestant | undefined> {
  try {
    await install(portkey, cacheFolder());
  } catch (error) {
    process.stderr.write(`without Portkey: ${error instanceof Error ? error.message : error}\n`);
    return undefined;
  }
  const program = join(
    cacheFolder(),
    portkey.folder,
    "node_modules/@portkey-ai/gateway/build/start-server.js",
  );
  const headers = {
    authorization: "Bearer key",
    "x-portkey-provider": "anthropic",
    "x-portkey-custom-host": `http://127.0.0.1:${port}/v1`,
  };
  const command = `cd ${folder}; TRUSTED_CUSTOM_HOSTS=127.0.0.1 exec ${process.execPath} ${program} --port=$PORT --headless 2>/dev/null`;
  return { ...(await startOther("Portkey", command, { own: await freePort(), port })), headers };
}

const portkey: ClientPackage = {
  folder: "portkey",
  packages: [{ name: "@portkey-ai/gateway", version: "1.15.2" }],
  program: undefined,
};

/** A shell command that listens on 127.0.0.1:$PORT and asks http://127.0.0.1:$UPSTREAM_PORT. */
export async function startPeer(peer: string, { port }: Upstream): Promise<Contestant> {
  const [name = "", command = ""] = peer.split(/=(.*)/s);
  return await startOther(name, command, { own: await freePort(), port });
}

async function startOther(
  name: string,
  command: string,
  { own, port }: { own: number; port: number },
): Promise<Contestant> {
  const begun = performance.now();
  const env = {
    ...process.env,
    PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
    PORT: String(own),
    UPSTREAM_PORT: String(port),
  };
  const child = spawn("sh", ["-c", command], { env, stdio: ["ignore", "ignore", "inherit"] });
  while (!(await answers(own))) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    await sleep(2);
  }
  return contestant(name, child, { url: `http://127.0.0.1:${own}`, begun });
}

function contestant(
  name: string,
  child: ChildProcess,
  { url, begun }: { url: string; begun: number },
): Contestant {
  const startMs = performance.now() - begun;
  const pid = child.pid!;
  for (const each of family(pid)) pin(each, 0);
  const cpuUs = () => family(pid).reduce((sum, each) => sum + cpuOf(each), 0);
  return {
    name,
    url,
    headers: {},
    startMs,
    startCpuMs: cpuUs() / 1000,
    cpuUs,
    rssMiB: () => Math.round(family(pid).reduce((sum, each) => sum + rssOf(each), 0) / 1_048_576),
    async stop() {
      if (child.exitCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Contestants share one core, and are measured one at a time; the driver has the other. */
export function pin(pid: number, core: number): void {
  spawnSync("taskset", ["-apc", String(core), String(pid)]);
}

/** The process and its children. */
function family(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return [pid, ...(children === "" ? [] : children.split(" ").flatMap((child) => family(Number(child))))];
  } catch {
    return [pid];
  }
}

/** Of all threads, by the scheduler's own count in nanoseconds. */
function cpuOf(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  return sum / 1000;
}

function rssOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096;
}

function said(child: ChildProcess, output: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = "";
    output.on("data", (chunk: Buffer) => {
      seen = (seen + chunk).slice(-4000);
      const found = pattern.exec(seen)?.[1];
      if (found) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`it ended with ${code}: ${seen}`)));
  });
}

function isInstalled(program: string): boolean {
  return spawnSync("sh", ["-c", `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`]).status === 0;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
