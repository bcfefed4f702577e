import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { checkClaude } from "../../src/doctor/clients/claude.ts";
import { checkCodex } from "../../src/doctor/clients/codex.ts";
import { checkGemini } from "../../src/doctor/clients/gemini.ts";
import { checkOpenai } from "../../src/doctor/clients/openai.ts";
import { checkProxyVariables } from "../../src/doctor/clients/proxy.ts";
import type { RelayFacts, Surroundings } from "../../src/doctor/clients/surroundings.ts";
import type { Presence } from "../../src/doctor/daemon.ts";
import { fixText } from "../../src/domain/errors.ts";
import type { Shell } from "../../src/terminal/shells.ts";

const origin = "http://127.0.0.1:3000";

/** A home in which every client is pointed at the relay. */
interface Home {
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

async function createHome(t: TestContext): Promise<Home> {
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

const codexToml = `model_provider = "ccrelay"

[model_providers.ccrelay]
name = "cc-relay"
base_url = "${origin}/openai/v1"
wire_api = "responses"
env_key = "CC_RELAY_KEY"
supports_websockets = false
`;

async function check(site: Home): Promise<string[]> {
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
async function findFaults(site: Home): Promise<string[]> {
  return (await check(site)).filter((line) => !line.startsWith("ok "));
}

interface Case {
  title: string;
  plant(site: Home): Promise<unknown> | unknown;
  /** All that is not fine then; none of the healthy home is. */
  found: string[];
}

const pointClaude = 'to point it at the relay, run: eval "$(cc-relay env claude)"';
const pointGemini = 'to point it at the relay, run: eval "$(cc-relay env gemini)"';
const chooseAuth = (file: string) =>
  `write {"security":{"auth":{"selectedType":"gemini-api-key"}}} into ${file}, or run: cc-relay run gemini`;
const geminiSettings = "FOLDER/home/.gemini/settings.json";
const codexConfig = "FOLDER/home/.codex/config.toml";

const cases: Case[] = [
  {
    title: "ANTHROPIC_API_KEY beside ANTHROPIC_AUTH_TOKEN",
    plant: ({ env }) => Object.assign(env, { ANTHROPIC_API_KEY: "sk-ant-api03-made-up" }),
    found: [
      "warn claude: ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN are both set: Claude Code sends both, and asks about the first -> to remove it from this shell, run: unset ANTHROPIC_API_KEY",
    ],
  },
  {
    title: "the same in Claude Code's own settings",
    plant: (site) =>
      site.write(".claude/settings.json", '{"env":{"ANTHROPIC_API_KEY":"sk-ant-api03-made-up"}}'),
    found: [
      'warn claude: ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN are both set: Claude Code sends both, and asks about the first -> change "env" in FOLDER/home/.claude/settings.json',
    ],
  },
  {
    title: "a base URL in the folder's settings, which rank above Claude Code's own",
    plant: async (site) => {
      await site.write(".claude/settings.json", JSON.stringify({ env: { ANTHROPIC_BASE_URL: origin } }));
      const env = { ANTHROPIC_BASE_URL: `${origin}/v1` };
      await site.write("../.claude/settings.local.json", JSON.stringify({ env }));
    },
    found: [
      'fail claude: ANTHROPIC_BASE_URL ends in /v1, and Claude Code adds its own: it would ask for /v1/v1/messages -> change "env" in FOLDER/.claude/settings.local.json',
    ],
  },
  {
    title: "a base URL of Claude Code that ends in /v1",
    plant: (site) => Object.assign(site.env, { ANTHROPIC_BASE_URL: `${origin}/v1/` }),
    found: [
      `fail claude: ANTHROPIC_BASE_URL ends in /v1, and Claude Code adds its own: it would ask for /v1/v1/messages -> ${pointClaude}`,
    ],
  },
  {
    title: "a base URL of Gemini CLI that ends in /v1beta",
    plant: (site) => Object.assign(site.env, { GOOGLE_GEMINI_BASE_URL: `${origin}/gemini/v1beta` }),
    found: [
      `fail gemini: GOOGLE_GEMINI_BASE_URL ends in /v1beta, and Gemini CLI adds its own: it would ask for /gemini/v1beta/v1beta/models -> ${pointGemini}`,
    ],
  },
  {
    title: "a base URL that leads elsewhere, which is not asked",
    plant: ({ env }) => Object.assign(env, { ANTHROPIC_BASE_URL: "https://gateway.example" }),
    found: [`warn claude: ANTHROPIC_BASE_URL points at gateway.example, not at the relay -> ${pointClaude}`],
  },
  {
    title: "a base URL with the path of another client",
    plant: (site) => Object.assign(site.env, { ANTHROPIC_BASE_URL: `${origin}/gemini` }),
    found: [
      `fail claude: ANTHROPIC_BASE_URL has the path /gemini, where the relay does not serve Claude Code -> ${pointClaude}`,
    ],
  },
  {
    title: "a base URL of the SDKs without the version they need",
    plant: (site) => Object.assign(site.env, { OPENAI_BASE_URL: origin }),
    found: [
      'fail openai: OPENAI_BASE_URL has the path /, where the relay does not serve the OpenAI SDKs -> to point it at the relay, run: eval "$(cc-relay env openai)"',
    ],
  },
  {
    title: "a base URL that is none",
    plant: ({ env }) => Object.assign(env, { ANTHROPIC_BASE_URL: "127.0.0.1:3000" }),
    found: [
      `fail claude: ANTHROPIC_BASE_URL is not an address of the form http://HOST:PORT -> ${pointClaude}`,
    ],
  },
  {
    title: "https at the relay's port",
    plant: (site) => Object.assign(site.env, { ANTHROPIC_BASE_URL: "https://localhost:3000" }),
    found: [`fail claude: ANTHROPIC_BASE_URL begins with https, and the relay speaks http -> ${pointClaude}`],
  },
  {
    title: "a key that is none of api_keys",
    plant: ({ env }) => Object.assign(env, { ANTHROPIC_AUTH_TOKEN: "another-key" }),
    found: [
      `fail claude: ANTHROPIC_AUTH_TOKEN is not one of api_keys: the relay refuses it -> ${pointClaude}`,
    ],
  },
  {
    title: "no key where the relay asks for one",
    plant: ({ env }) => delete env.GEMINI_API_KEY,
    found: [
      `warn gemini: GEMINI_API_KEY is not set, and the relay asks for one of api_keys -> ${pointGemini}`,
    ],
  },
  {
    title: "a variable that takes Claude Code elsewhere",
    plant: ({ env }) => Object.assign(env, { CLAUDE_CODE_USE_BEDROCK: "1" }),
    found: [
      "warn claude: CLAUDE_CODE_USE_BEDROCK is set: it sends the requests to Amazon Bedrock -> to remove it from this shell, run: unset CLAUDE_CODE_USE_BEDROCK",
    ],
  },
  {
    title: "settings of Claude Code that are no JSON",
    plant: (site) => site.write(".claude/settings.json", "{env:}"),
    found: [
      "fail claude: FOLDER/home/.claude/settings.json is not valid JSON -> fix it: Claude Code cannot read it either",
    ],
  },
  {
    title: "HTTP_PROXY without NO_PROXY",
    plant: ({ env }) => Object.assign(env, { HTTP_PROXY: "http://10.0.0.1:3128" }),
    found: [
      "warn proxy: HTTP_PROXY is set and NO_PROXY does not name 127.0.0.1: clients send what is for the relay to the proxy -> to except the relay, run: export NO_PROXY='127.0.0.1,localhost'",
    ],
  },
  {
    title: "HTTP_PROXY with a NO_PROXY that names others, for fish",
    plant(site) {
      site.shell = "fish";
      Object.assign(site.env, { http_proxy: "http://10.0.0.1:3128", no_proxy: "corp.example" });
    },
    found: [
      "warn proxy: http_proxy is set and NO_PROXY does not name 127.0.0.1: clients send what is for the relay to the proxy -> to except the relay, run: set -gx NO_PROXY 'corp.example,127.0.0.1,localhost';",
    ],
  },
  {
    title: "Gemini CLI without its choice of authentication",
    plant: ({ home }) => rm(join(home, ".gemini"), { recursive: true }),
    found: [
      `fail gemini: GOOGLE_GEMINI_BASE_URL is set, and no authentication is chosen in ${geminiSettings}: Gemini CLI then refuses to start -> ${chooseAuth(geminiSettings)}`,
    ],
  },
  {
    title: "the same when the base URL stands in Gemini CLI's own file",
    async plant(site) {
      const { GOOGLE_GEMINI_BASE_URL = "" } = site.env;
      delete site.env.GOOGLE_GEMINI_BASE_URL;
      await site.write(".gemini/.env", `# mine\nGOOGLE_GEMINI_BASE_URL="${GOOGLE_GEMINI_BASE_URL}"\n`);
      await site.write(".gemini/settings.json", '{"ui":{"theme":"x"}}');
    },
    found: [
      `fail gemini: GOOGLE_GEMINI_BASE_URL is set, and no authentication is chosen in ${geminiSettings}: Gemini CLI then refuses to start -> ${chooseAuth(geminiSettings)}`,
    ],
  },
  {
    title: "Gemini CLI with its Google login in the folder's settings",
    async plant({ folder }) {
      await mkdir(join(folder, ".gemini"));
      const settings = '{"security":{"auth":{"selectedType":"oauth-personal" /* mine */}}}';
      await writeFile(join(folder, ".gemini", "settings.json"), settings);
    },
    found: [
      `warn gemini: FOLDER/.gemini/settings.json chooses the authentication "oauth-personal", with which Gemini CLI passes the relay by -> ${chooseAuth("FOLDER/.gemini/settings.json")}`,
    ],
  },
  {
    title: "the variable that older instructions name",
    plant({ env }) {
      delete env.GOOGLE_GEMINI_BASE_URL;
      env.GEMINI_API_BASE = "http://127.0.0.1:3000/gemini";
    },
    found: [
      `warn gemini: GEMINI_API_BASE is set, which Gemini CLI does not know: its variable is GOOGLE_GEMINI_BASE_URL -> ${pointGemini}`,
    ],
  },
  {
    title: "Codex that may ask a relay with WebSocket for one: nothing",
    plant: (site) => site.write(".codex/config.toml", codexToml.replace("= false", "= true")),
    found: [],
  },
  {
    title: "Codex that asks for a WebSocket where the relay offers none",
    plant(site) {
      site.relay = { ...site.relay!, webSocket: false };
      return site.write(".codex/config.toml", codexToml.replace("= false", "= true"));
    },
    found: [
      `warn codex: [model_providers.ccrelay] has supports_websockets = true, and the relay has [upstream] websocket = false -> write supports_websockets = false in [model_providers.ccrelay] of ${codexConfig}, or websocket = true in the relay's config.toml`,
    ],
  },
  {
    title: "Codex's built-in provider led to a relay without WebSocket",
    plant(site) {
      site.relay = { ...site.relay!, webSocket: false };
      return site.write(".codex/config.toml", `openai_base_url = "${origin}/openai/v1"\n`);
    },
    found: [
      `warn codex: openai_base_url in ${codexConfig} leads the built-in provider to the relay, which has [upstream] websocket = false and is asked for one first -> define a provider of its own in ${codexConfig}, as this prints: cc-relay env codex`,
    ],
  },
  {
    title: "OPENAI_BASE_URL as if Codex read it",
    plant: ({ home }) => rm(join(home, ".codex"), { recursive: true }),
    found: [
      "warn codex: OPENAI_BASE_URL points at the relay, and Codex ignores it -> to see what to write into Codex's configuration, run: cc-relay env codex",
    ],
  },
  {
    title: "a provider of Codex that nothing chooses",
    plant: (site) => site.write(".codex/config.toml", codexToml.replace(/^model_provider.*\n/, "")),
    found: [
      `warn codex: the provider "ccrelay" leads to the relay, and Codex uses its built-in one -> write model_provider = "ccrelay" at the top of ${codexConfig}`,
    ],
  },
  {
    title: "a provider of Codex while the relay's address is not known",
    plant: (site) => {
      site.relay = undefined;
      return site.write(".codex/config.toml", codexToml.replace(origin, "http://127.0.0.1:4000"));
    },
    found: [
      `fail codex: base_url of [model_providers.ccrelay] points at http://127.0.0.1:4000, where no relay answers -> write into [model_providers.ccrelay] of ${codexConfig} what this prints: cc-relay env codex`,
    ],
  },
  {
    title: "a provider of Codex with the wrong path and the wire format of old",
    plant: (site) =>
      site.write(".codex/config.toml", codexToml.replace("/openai/v1", "").replace('"responses"', '"chat"')),
    found: [
      `fail codex: base_url of [model_providers.ccrelay] has the path /, where the relay does not serve Codex -> write base_url = "http://127.0.0.1:3000/openai/v1" in [model_providers.ccrelay] of ${codexConfig}`,
      `fail codex: [model_providers.ccrelay] has wire_api = "chat", which Codex refuses -> write wire_api = "responses" there, in ${codexConfig}`,
    ],
  },
  {
    title: "a key variable of Codex that is not set",
    plant: ({ env }) => delete env.CC_RELAY_KEY,
    found: [
      'warn codex: CC_RELAY_KEY is not set, and the relay asks for one of api_keys -> to set it, run: eval "$(cc-relay env codex)"',
    ],
  },
  {
    title: "a provider of Codex that sends no key",
    plant: (site) => site.write(".codex/config.toml", codexToml.replace(/env_key.*\n/, "")),
    found: [
      `warn codex: the provider that leads to the relay names no env_key, and the relay asks for a key -> write env_key = "CC_RELAY_KEY" there, in ${codexConfig}`,
    ],
  },
  {
    title: "a configuration of Codex that is no TOML",
    plant: (site) => site.write(".codex/config.toml", "model = \n"),
    found: [
      `fail codex: ${codexConfig}:1: the value is neither a number nor true, false or a string in quotes -> fix it: Codex cannot read it either`,
    ],
  },
];

describe("doctor finds what is wrong with the clients:", () => {
  it("nothing, when each is pointed at the relay and has a key", async (t) => {
    assert.deepEqual(await check(await createHome(t)), [
      "ok claude: 9.8.7, /usr/bin/claude",
      "ok gemini: 9.8.7, /usr/bin/gemini",
      "ok codex: 9.8.7, /usr/bin/codex",
      "ok openai: OPENAI_BASE_URL points at the relay",
    ]);
  });

  for (const { title, plant, found } of cases) {
    it(title, async (t) => {
      const site = await createHome(t);
      await plant(site);
      assert.deepEqual(await findFaults(site), found);
    });
  }

  it("a base URL at whose port no relay is, or another program", async (t) => {
    const site = await createHome(t);
    site.answers["http://127.0.0.1:5000"] = { kind: "other" };
    site.env.ANTHROPIC_BASE_URL = "http://localhost:4000";
    site.env.GOOGLE_GEMINI_BASE_URL = "http://127.0.0.1:5000/gemini";
    assert.deepEqual(await findFaults(site), [
      `fail claude: ANTHROPIC_BASE_URL points at http://localhost:4000, where no relay answers -> ${pointClaude}`,
      `fail gemini: GOOGLE_GEMINI_BASE_URL points at http://127.0.0.1:5000, and what answers there is not the relay -> ${pointGemini}`,
    ]);
  });

  it("nothing while the relay does not run: that is said once, elsewhere", async (t) => {
    const site = await createHome(t);
    site.answers = {};
    assert.deepEqual(await findFaults(site), []);
  });

  it("nothing in a client of another relay of this machine, whose keys are not ours to classify", async (t) => {
    const site = await createHome(t);
    site.answers["http://127.0.0.1:4000"] = { kind: "up", version: "1.0.0" };
    Object.assign(site.env, { ANTHROPIC_BASE_URL: "http://localhost:4000", ANTHROPIC_AUTH_TOKEN: "theirs" });
    assert.deepEqual(await findFaults(site), []);
  });

  it("nothing in the client's own login where requests are forwarded with it", async (t) => {
    const site = await createHome(t);
    site.relay = { origin, keys: [], families: new Set(), ownLogins: new Set(), webSocket: true };
    delete site.env.ANTHROPIC_AUTH_TOKEN;
    Object.assign(site.env, { CLAUDE_CODE_OAUTH_TOKEN: "own", GOOGLE_API_KEY: "own" });
    assert.deepEqual(await findFaults(site), []);
  });

  describe("where an account of type client waits for Claude Code's own login", () => {
    const ownLogin = async (t: TestContext, env: Record<string, string>, settings = "{}") => {
      const site = await createHome(t);
      await site.write(".claude/settings.json", settings);
      site.relay = { ...site.relay!, ownLogins: new Set(["claude"]) };
      delete site.env.ANTHROPIC_AUTH_TOKEN;
      Object.assign(site.env, env);
      return findFaults(site);
    };
    const header = { ANTHROPIC_CUSTOM_HEADERS: "x-mine: 1\nX-CC-Relay-Key: relay-key-1" };

    it("nothing in a login beside the relay's key, stored or as a token", async (t) => {
      assert.deepEqual(await ownLogin(t, header), []);
      assert.deepEqual(await ownLogin(t, { ...header, CLAUDE_CODE_OAUTH_TOKEN: "own" }), []);
    });

    it("what takes the login's place, and a wrong key", async (t) => {
      assert.deepEqual(await ownLogin(t, { ...header, ANTHROPIC_API_KEY: "x" }), [
        "warn claude: ANTHROPIC_API_KEY is set: Claude Code uses it instead of its own login, for which there is an account of type client -> to remove it from this shell, run: unset ANTHROPIC_API_KEY",
      ]);
      const helper = '{"apiKeyHelper":"/bin/key"}';
      assert.deepEqual(await ownLogin(t, header, helper), [
        "warn claude: apiKeyHelper is set: Claude Code uses it instead of its own login, for which there is an account of type client -> remove it from FOLDER/home/.claude/settings.json",
      ]);
      assert.deepEqual(await ownLogin(t, { ANTHROPIC_CUSTOM_HEADERS: "x-cc-relay-key: old" }), [
        `fail claude: x-cc-relay-key in ANTHROPIC_CUSTOM_HEADERS is not one of api_keys: the relay refuses it -> to point it at the relay, run: eval "$(cc-relay env claude --own-login)"`,
      ]);
      assert.deepEqual(await ownLogin(t, {}), [
        `warn claude: ANTHROPIC_AUTH_TOKEN is not set, and the relay asks for one of api_keys -> to point it at the relay, run: eval "$(cc-relay env claude --own-login)"`,
      ]);
    });

    it("nothing in the relay's key in place of the login: the other accounts are meant", async (t) => {
      assert.deepEqual(await ownLogin(t, { ANTHROPIC_AUTH_TOKEN: "relay-key-1" }), []);
    });
  });

  it("nothing in clients that are not installed or not pointed at the relay, and says which", async (t) => {
    const site = await createHome(t);
    site.env = {};
    await rm(site.home, { recursive: true });
    const lines = (end: (name: string) => string) =>
      ["claude", "gemini", "codex"].map((name) => `ok ${name}: ${end(name)}`);
    assert.deepEqual(
      await check(site),
      lines((name) => `9.8.7, /usr/bin/${name}; not pointed at the relay`),
    );
    site.installed = false;
    assert.deepEqual(
      await check(site),
      lines((name) => `not installed: no ${name} in PATH`),
    );
  });

  it("the structure of a base URL also while the configuration cannot be read", async (t) => {
    const site = await createHome(t);
    site.relay = undefined;
    site.env.ANTHROPIC_BASE_URL = `${origin}/v1`;
    assert.deepEqual(await findFaults(site), [
      `fail claude: ANTHROPIC_BASE_URL ends in /v1, and Claude Code adds its own: it would ask for /v1/v1/messages -> ${pointClaude}`,
    ]);
  });

  it("nothing in a proxy that excepts the relay", async (t) => {
    const site = await createHome(t);
    Object.assign(site.env, { HTTPS_PROXY: "http://10.0.0.1:3128", NO_PROXY: "127.0.0.1,localhost" });
    assert.equal((await check(site)).at(-1), "ok proxy: HTTPS_PROXY is set, and NO_PROXY excepts 127.0.0.1");
  });
});
