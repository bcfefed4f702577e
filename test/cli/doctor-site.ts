// A machine on which everything is right: accounts that work, a relay that runs, clients that are pointed at it. Tests plant a fault.

import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { type DoctorOptions, type DoctorSite, runDoctor } from "../../src/cli/doctor.ts";
import { findDamage } from "../../src/store/integrity.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { DaemonInfo, Store } from "../../src/store/store.ts";
import { fakeEnvironment } from "../config/support.ts";
import { putEmptyDatabase } from "../support/empty-database.ts";
import { patient } from "../support/patience.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { type FakeContextOptions, fakeContext, listenAsRelay } from "./support.ts";

/** Exactly what a program that reads it may rely on. */
export const document = z.strictObject({
  ok: z.boolean(),
  checks: z.array(
    z.strictObject({
      name: z.string().min(1),
      status: z.enum(["ok", "warn", "fail"]),
      detail: z.string().min(1),
      fix: z.string().min(1).nullable(),
      command: z.string().min(1).nullable(),
    }),
  ),
});

export type Document = z.infer<typeof document>;

export interface Examined {
  stdout: string;
  stderr: string;
  code: number;
}

export interface SiteOptions {
  /** No relay runs, and none ever did. */
  withoutRelay?: boolean;
}

export interface Site {
  readonly folder: string;
  readonly home: string;
  readonly configFile: string;
  readonly database: string;
  /** Of the relay that runs, or would. */
  readonly port: number;
  readonly upstream: ScriptedUpstream;
  /** The environment of the next examination; may be changed. */
  readonly env: Record<string, string>;
  /** What the next examination takes for the rest of the machine; may be changed. */
  readonly site: DoctorSite;
  /** What the accounts of the healthy configuration are. */
  readonly accounts: string;
  /** Writes the configuration: the healthy one with changes. */
  configure(change: (text: string) => string): Promise<void>;
  /** Writes a file below the home folder. */
  write(path: string, content: string, mode?: number): Promise<void>;
  store(work: (store: Store) => Promise<void>): Promise<void>;
  /** What the running relay says about itself, with changes. */
  publish(change: Partial<DaemonInfo>): Promise<void>;
  /** Ends the relay as `kill -9` would: what it published stays. */
  killRelay(): Promise<void>;
  examine(
    options?: Partial<DoctorOptions> & Pick<FakeContextOptions, "screen"> & { config?: string },
  ): Promise<Examined>;
  /** With --json, by the schema. */
  document(options?: Partial<DoctorOptions>): Promise<Document & { code: number }>;
  /** What is not fine: `STATUS NAME: DETAIL -> FIX`, this site's own paths and ports replaced by words. */
  faults(): Promise<{ found: string[]; code: number }>;
  close(): Promise<void>;
}

export async function createSite({ withoutRelay = false }: SiteOptions = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-doctor-"));
  const home = join(folder, "home");
  const configFile = join(folder, "config.toml");
  const database = join(folder, "data", "relay.db");
  const upstream = await startUpstream();
  const relay = await listenAsRelay();
  const { port } = relay;
  const origin = `http://127.0.0.1:${port}`;
  const accounts = accountsToml(upstream.url);
  const healthy = `api_keys = ["relay-key-1"]\n\n[server]\nport = ${port}\n\n${accounts}`;
  const env: Record<string, string> = {
    PATH: join(home, "bin"),
    ANTHROPIC_BASE_URL: origin,
    ANTHROPIC_AUTH_TOKEN: "relay-key-1",
    GOOGLE_GEMINI_BASE_URL: `${origin}/gemini`,
    GEMINI_API_KEY: "relay-key-1",
    OPENAI_BASE_URL: `${origin}/openai/v1`,
    OPENAI_API_KEY: "relay-key-1",
    CC_RELAY_KEY: "relay-key-1",
    SHELL: "/bin/bash",
  };
  const site: DoctorSite = {
    environment: fakeEnvironment({
      env,
      cwd: folder,
      configFolder: join(folder, "etc"),
      dataFolder: join(folder, "share"),
    }),
    home,
    nodeVersion: "24.21.0",
    uid: process.getuid?.(),
    limitMs: Math.ceil(patient(5000)),
    lookup: async () => ["127.0.0.1"],
    // With a relay the database is sound, and a process for each examination is most of what it costs.
    inspectDatabase: withoutRelay ? undefined : inspectHere,
  };

  async function write(path: string, content: string, mode = 0o600): Promise<void> {
    const file = join(home, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    await chmod(file, mode);
  }

  const startedAt = Date.now() - (2 * 60 + 14) * 60_000 - 30_000;
  const running = { pid: process.pid, host: "127.0.0.1", port, startedAt, version: "1.2.3" };
  const open: Store[] = [];
  const self: Site = {
    folder,
    home,
    configFile,
    database,
    port,
    upstream,
    env,
    site,
    accounts,
    async configure(change) {
      await writeFile(configFile, change(healthy));
      await chmod(configFile, 0o600);
    },
    write,
    async store(work) {
      await putEmptyDatabase(database);
      const store = await openSqliteStore(database);
      try {
        await work(store);
      } finally {
        await store.close();
      }
    },
    async publish(change) {
      await open[0]?.daemon.publish({ ...running, ...change });
    },
    async killRelay() {
      const [store] = open;
      await store?.daemon.release();
      await store?.daemon.publish(running);
      await relay.close();
    },
    async examine({ screen, offline = false, json = false, config } = {}) {
      const context = fakeContext({ screen, cwd: folder, env });
      Object.assign(context, { clock: Date.now, configFile: config });
      await runDoctor(context, { offline, json }, site);
      const { stdout, stderr } = context.out;
      return { stdout: stdout.text(), stderr: stderr.text(), code: context.exitCode };
    },
    async document(options = {}) {
      const { stdout, code } = await self.examine({ ...options, json: true });
      return { ...document.parse(JSON.parse(stdout)), code };
    },
    async faults() {
      const { checks, code } = await self.document();
      const words = (text: string) =>
        text
          .replaceAll(folder, "FOLDER")
          .replaceAll(`:${upstream.port}`, ":UPSTREAM")
          .replaceAll(new RegExp(`\\b${port}\\b`, "g"), "PORT")
          .replaceAll(`pid ${process.pid}`, "pid PID");
      const found = checks
        .filter(({ status }) => status !== "ok")
        .map(({ name, status, detail, fix }) => words(`${status} ${name}: ${detail} -> ${fix}`));
      return { found, code };
    },
    async close() {
      for (const store of open) await store.close();
      await relay.close().catch(() => {});
      await upstream.close();
      await rm(folder, { recursive: true, force: true });
    },
  };

  await self.configure((text) => text);
  for (const [name, version] of Object.entries({ claude: "2.1.330 (Claude Code)", gemini: "0.61.0" })) {
    await write(`bin/${name}`, `#!/bin/sh\necho '${version}'\n`, 0o700);
  }
  await write("bin/codex", "#!/bin/sh\necho 'codex-cli 0.169.0'\n", 0o700);
  await write(".gemini/settings.json", '{"security":{"auth":{"selectedType":"gemini-api-key"}}}');
  await write(".codex/config.toml", codexToml(origin));
  if (withoutRelay) {
    await relay.close();
    return self;
  }
  await putEmptyDatabase(database);
  const store = await openSqliteStore(database);
  open.push(store);
  await store.daemon.claim();
  await store.daemon.publish(running);
  return self;
}

/** For a sound one. */
export async function inspectHere(path: string): Promise<{ kind: "sound" }> {
  assert.equal(await findDamage(path), undefined);
  return { kind: "sound" };
}

export function codexToml(origin: string): string {
  return `model_provider = "ccrelay"

[model_providers.ccrelay]
name = "cc-relay"
base_url = "${origin}/openai/v1"
wire_api = "responses"
env_key = "CC_RELAY_KEY"
supports_websockets = false
`;
}

function accountsToml(url: string): string {
  const account = (id: string, type: string, apiUrl: string) =>
    `[[accounts]]\nid = "${id}"\ntype = "${type}"\napi_key = "key-of-${id}"\napi_url = "${apiUrl}"\n`;
  return [
    account("claude-1", "claude-api", url),
    account("gemini-1", "gemini-api", url),
    account("openai-1", "openai-responses", `${url}/v1`),
  ].join("\n");
}
