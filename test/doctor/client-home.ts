// A home folder in which every client is pointed at the relay, and what doctor says about it. Tests plant a fault.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { checkClaude } from "../../src/doctor/clients/claude.ts";
import { checkCodex } from "../../src/doctor/clients/codex.ts";
import { checkGemini } from "../../src/doctor/clients/gemini.ts";
import { checkOpenai } from "../../src/doctor/clients/openai.ts";
import { checkProxyVariables } from "../../src/doctor/clients/proxy.ts";
import type { RelayFacts, Surroundings } from "../../src/doctor/clients/surroundings.ts";
import type { Presence } from "../../src/doctor/daemon.ts";
import { fixText } from "../../src/domain/errors.ts";
import type { Shell } from "../../src/terminal/shells.ts";

export const origin = "http://127.0.0.1:3000";

/** A home in which every client is pointed at the relay. */
export interface Home {
  readonly home: string;
  readonly folder: string;
  env: Record<string, string>;
  shell: Shell;
  installed: boolean;
  relay: RelayFacts | undefined;
  /** What answers at an origin; nothing does at any other. */
  answers: Record<string, Presence>;
  write(path: string, content: string): Promise<void>;
}

export async function createHome(t: TestContext): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-clients-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const home = join(folder, "home");
  const self: Home = {
    home,
    folder,
    env: {
      ANTHROPIC_BASE_URL: origin,
      ANTHROPIC_AUTH_TOKEN: "relay-key-1",
      GOOGLE_GEMINI_BASE_URL: `${origin}/gemini`,
      GEMINI_API_KEY: "relay-key-1",
      OPENAI_BASE_URL: `${origin}/openai/v1`,
      OPENAI_API_KEY: "relay-key-1",
      CC_RELAY_KEY: "relay-key-1",
    },
    shell: "sh",
    installed: true,
    relay: {
      origin,
      keys: [{ name: "key-1", key: "relay-key-1" }],
      families: new Set(["claude", "gemini", "openai"]),
      ownLogins: new Set(),
      webSocket: true,
    },
    answers: { [origin]: { kind: "up", version: "1.2.3" } },
    async write(path, content) {
      const file = join(home, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    },
  };
  await self.write(".gemini/settings.json", '{"security":{"auth":{"selectedType":"gemini-api-key"}}}');
  await self.write(".codex/config.toml", codexToml);
  return self;
}

export const codexToml = `model_provider = "ccrelay"

[model_providers.ccrelay]
name = "cc-relay"
base_url = "${origin}/openai/v1"
wire_api = "responses"
env_key = "CC_RELAY_KEY"
supports_websockets = false
`;

export async function check(site: Home): Promise<string[]> {
  const surroundings: Surroundings = {
    env: site.env,
    home: site.home,
    cwd: site.folder,
    shell: site.shell,
    programs: {
      find: async (name) => (site.installed ? `/usr/bin/${name}` : undefined),
      versionOf: async () => "9.8.7",
    },
    probe: {
      originOf: () => origin,
      look: async (asked) => site.answers[asked.replace("localhost", "127.0.0.1")] ?? { kind: "down" },
    },
    relay: site.relay,
  };
  const checks = await Promise.all([
    checkClaude(surroundings),
    checkGemini(surroundings),
    checkCodex(surroundings),
    checkOpenai(surroundings),
    checkProxyVariables(surroundings),
  ]);
  return checks
    .flat()
    .map(({ name, status, detail, fix }) =>
      `${status} ${name}: ${detail}${fix === undefined ? "" : ` -> ${fixText(fix)}`}`.replaceAll(
        site.folder,
        "FOLDER",
      ),
    );
}

/** What is not fine. */
export async function findFaults(site: Home): Promise<string[]> {
  return (await check(site)).filter((line) => !line.startsWith("ok "));
}
