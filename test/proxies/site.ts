// What the relay is to reach through its proxies only: a provider and a token host behind TLS, under names that only the proxies
// know, which write down where every connection came from. And the relay itself, with its commands.

import { spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import tls from "node:tls";
import { collect } from "../clients/program.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { makeCertificate } from "../support/certificate.ts";
import { until } from "../support/until.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { knownHosts } from "./real-proxy.ts";

export interface Site {
  readonly provider: ScriptedUpstream;
  readonly logins: AuthorizationServer;
  /** `https://provider.test:PORT` */
  readonly providerUrl: string;
  /** `https://localhost:PORT` of the same provider. */
  readonly loopbackUrl: string;
  /** The addresses that connected to the provider and to the token host, in order. */
  readonly providerFrom: string[];
  readonly loginsFrom: string[];
  /** Of the configuration and the database. */
  readonly folder: string;
  /** Writes the configuration: the accounts, behind the addresses of the token host. */
  configure(accounts: string): Promise<void>;
  configuration(): Promise<string>;
  start(): Promise<SiteRelay>;
  /** Another command of the program, on the same configuration. */
  command(args: readonly string[], talk?: (run: Conversation) => Promise<void>): Promise<CommandResult>;
}

export interface SiteRelay {
  readonly url: string;
  log(): string;
  stop(): Promise<void>;
}

export interface Conversation {
  stderr(): string;
  write(line: string): void;
}

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export async function startSite(t: TestContext, env: Readonly<Record<string, string>> = {}): Promise<Site> {
  for (const name of knownHosts) {
    const known = await lookup(name).catch(() => undefined);
    if (known !== undefined) throw new Error(`${name} is known on this machine, so that nothing is proved`);
  }
  const certificate = makeCertificate([...knownHosts, "localhost"]);
  const provider = await startUpstream();
  const logins = await startAuthorizationServer();
  const [providerFront, loginsFront] = [
    await startFront(t, provider.port, certificate),
    await startFront(t, logins.port, certificate),
  ];
  t.after(() => Promise.all([provider.close(), logins.close()]));
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-site-"));
  const authority = join(folder, "ca.pem");
  await writeFile(authority, certificate.cert);
  const surroundings: Surroundings = {
    folder,
    configFile: join(folder, "config.toml"),
    env: {
      PATH: process.env.PATH ?? "",
      HOME: folder,
      LANG: "C.UTF-8",
      NODE_EXTRA_CA_CERTS: authority,
      ...env,
    },
  };
  t.after(() => rm(folder, { recursive: true, force: true }));
  const tokenUrl = `https://login.test:${loginsFront.port}/token`;
  const head = `[server]
port = 0
database_path = "relay.db"
[upstream]
connect_timeout_seconds = 2
[oauth.claude]
authorize_url = "${logins.url}/authorize"
token_url = "${tokenUrl}"
[oauth.gemini]
authorize_url = "${logins.url}/authorize"
token_url = "${tokenUrl}"
`;
  return {
    provider,
    logins,
    providerUrl: `https://provider.test:${providerFront.port}`,
    loopbackUrl: `https://localhost:${providerFront.port}`,
    providerFrom: providerFront.from,
    loginsFrom: loginsFront.from,
    folder,
    configure: (accounts) => writeFile(surroundings.configFile, `${head}${accounts}`, { mode: 0o600 }),
    configuration: () => readFile(surroundings.configFile, "utf8"),
    start: () => startServe(t, surroundings),
    command: (args, talk) => runCommand(surroundings, args, talk),
  };
}

interface Surroundings {
  folder: string;
  configFile: string;
  env: Readonly<Record<string, string>>;
}

interface Front {
  port: number;
  from: string[];
}

async function startFront(
  t: TestContext,
  target: number,
  certificate: { key: string; cert: string },
): Promise<Front> {
  const from: string[] = [];
  const secure = tls.createServer(certificate, (client) => {
    const backend = connect(target, "127.0.0.1");
    client.pipe(backend).pipe(client);
    client.on("error", () => backend.destroy()).on("close", () => backend.destroy());
    backend.on("error", () => client.destroy()).on("close", () => client.destroy());
  });
  secure.on("tlsClientError", () => {});
  const server = createServer((socket) => {
    from.push(socket.remoteAddress ?? "");
    socket.on("error", () => {});
    secure.emit("connection", socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => void server.close());
  return { port: (server.address() as AddressInfo).port, from };
}

function startProgram({ configFile, folder, env }: Surroundings, args: readonly string[]) {
  const main = join(import.meta.dirname, "../../src/main.ts");
  const all = [main, "--config", configFile, ...args];
  return spawn(process.execPath, all, { cwd: folder, env: { ...env }, stdio: ["pipe", "pipe", "pipe"] });
}

async function startServe(t: TestContext, surroundings: Surroundings): Promise<SiteRelay> {
  const child = startProgram(surroundings, ["serve"]);
  const log = collect(child.stderr);
  const closed = once(child, "close");
  const stop = async () => {
    child.kill("SIGTERM");
    await closed;
  };
  t.after(stop);
  const url = await until("the relay listens", () => /"url":"([^"]+)"/.exec(log())?.[1], 20_000);
  return { url, log, stop };
}

async function runCommand(
  surroundings: Surroundings,
  args: readonly string[],
  talk: ((run: Conversation) => Promise<void>) | undefined,
): Promise<CommandResult> {
  const child = startProgram(surroundings, args);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const closed = once(child, "close");
  try {
    await talk?.({ stderr, write: (line) => void child.stdin.write(`${line}\n`) });
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  child.stdin.end();
  const [code] = await closed;
  return { code: code as number | null, stdout: stdout(), stderr: stderr() };
}
