import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { check, codexToml, createHome, findFaults, type Home, origin } from "./client-home.ts";

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
    title: "Codex's built-in provider with its own login, led to a relay that asks for a key",
    async plant(site) {
      await site.write(".codex/auth.json", '{"auth_mode":"chatgpt","tokens":{"access_token":"jwt"}}');
      await site.write(".codex/config.toml", `openai_base_url = "${origin}/openai/v1"\n`);
    },
    found: [
      `fail codex: openai_base_url in ${codexConfig} leads the built-in provider to the relay, which asks for a key: beside Codex's own login it can carry none -> define a provider of its own in ${codexConfig}, as this prints: cc-relay env codex --own-login`,
    ],
  },
  {
    title: "Codex's built-in provider whose key is the relay's: nothing",
    async plant(site) {
      await site.write(".codex/auth.json", '{"auth_mode":"apikey","OPENAI_API_KEY":"relay-key"}');
      await site.write(".codex/config.toml", `openai_base_url = "${origin}/openai/v1"\n`);
    },
    found: [],
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
