import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { type EnvOptions, runEnv } from "../../src/cli/env.ts";
import { fixText, UserError } from "../../src/domain/errors.ts";
import {
  type FakeContextOptions,
  fakeAccount,
  fakeConfig,
  fakeContext,
  listen,
  listenAsRelay,
} from "./support.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const keys = [
  { name: "key-1", key: "relay-key" },
  { name: "laptop", key: "it's $x" },
];
const config = fakeConfig({
  keys,
  accounts: [fakeAccount("claude"), fakeAccount("gemini"), fakeAccount("openai")],
});

async function env(options: Partial<EnvOptions> = {}, surroundings: FakeContextOptions = {}) {
  const context = fakeContext({ config, ...surroundings });
  await runEnv(context, {
    client: undefined,
    shell: "sh",
    unset: false,
    keyName: undefined,
    ownLogin: false,
    webSocket: true,
    ...options,
  });
  return { stdout: context.out.stdout.text(), stderr: context.out.stderr.text() };
}

describe("env", () => {
  it("points Claude Code at the relay with a base URL and a token", async () => {
    assert.deepEqual(await env({ client: "claude" }), {
      stdout: `export ANTHROPIC_BASE_URL='http://127.0.0.1:3000'
export ANTHROPIC_AUTH_TOKEN='relay-key'
`,
      stderr: "",
    });
  });

  it("points Gemini CLI at the relay and says what else it needs", async () => {
    assert.deepEqual(await env({ client: "gemini" }), {
      stdout: `export GOOGLE_GEMINI_BASE_URL='http://127.0.0.1:3000/gemini'
export GEMINI_API_KEY='relay-key'
`,
      stderr: `! Gemini CLI also needs {"security":{"auth":{"selectedType":"gemini-api-key"}}} in ~/.gemini/settings.json
  - to do without, run: cc-relay run gemini
`,
    });
  });

  it("gives Codex its key and, as comments, its provider", async () => {
    assert.deepEqual(await env({ client: "codex" }), {
      stdout: `export CC_RELAY_KEY='relay-key'
# Codex reads its provider from ~/.codex/config.toml:
#
# model_provider = "ccrelay"
#
# [model_providers.ccrelay]
# name = "cc-relay"
# base_url = "http://127.0.0.1:3000/openai/v1"
# wire_api = "responses"
# env_key = "CC_RELAY_KEY"
# supports_websockets = true
`,
      stderr: "",
    });
  });

  it("points the OpenAI SDKs at the relay", async () => {
    assert.deepEqual(await env({ client: "openai" }), {
      stdout: `export OPENAI_BASE_URL='http://127.0.0.1:3000/openai/v1'
export OPENAI_API_KEY='relay-key'
`,
      stderr: "",
    });
  });

  it("without a client prints all of them, comments last", async () => {
    const { stdout } = await env();
    assert.deepEqual(
      stdout.split("\n").map((line) => line.replace(/=.*/, "").replace(/^#.*/, "#")),
      [
        "export ANTHROPIC_BASE_URL",
        "export ANTHROPIC_AUTH_TOKEN",
        "export GOOGLE_GEMINI_BASE_URL",
        "export GEMINI_API_KEY",
        "export CC_RELAY_KEY",
        "export OPENAI_BASE_URL",
        "export OPENAI_API_KEY",
        ...Array(10).fill("#"),
        "",
      ],
    );
  });

  it("writes for fish, PowerShell and cmd", async () => {
    const lines = async (shell: EnvOptions["shell"]) =>
      (await env({ client: "claude", shell, keyName: "laptop" })).stdout;
    assert.equal(
      await lines("fish"),
      "set -gx ANTHROPIC_BASE_URL 'http://127.0.0.1:3000';\nset -gx ANTHROPIC_AUTH_TOKEN 'it\\'s $x';\n",
    );
    assert.equal(
      await lines("powershell"),
      "$env:ANTHROPIC_BASE_URL = 'http://127.0.0.1:3000'\n$env:ANTHROPIC_AUTH_TOKEN = 'it''s $x'\n",
    );
    assert.equal(
      await lines("cmd"),
      'set "ANTHROPIC_BASE_URL=http://127.0.0.1:3000"\nset "ANTHROPIC_AUTH_TOKEN=it\'s $x"\n',
    );
  });

  it("refuses a key that cmd cannot quote, without showing it", async () => {
    const unsafe = fakeConfig({
      keys: [{ name: "key-1", key: "100%sure" }],
      accounts: [fakeAccount("claude")],
    });
    await assert.rejects(env({ client: "claude", shell: "cmd" }, { config: unsafe }), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /ANTHROPIC_AUTH_TOKEN cannot be set in cmd/);
      assert.doesNotMatch(error.message + fixText(error.fix ?? ""), /100/);
      return true;
    });
  });

  it("--unset removes what it sets, and needs no configuration", async () => {
    const broken = fakeContext();
    broken.loadConfig = () => Promise.reject(new Error("read"));
    await runEnv(broken, {
      client: undefined,
      shell: "sh",
      unset: true,
      keyName: undefined,
      ownLogin: false,
      webSocket: true,
    });
    assert.equal(
      broken.out.stdout.text(),
      `unset ANTHROPIC_BASE_URL
unset ANTHROPIC_AUTH_TOKEN
unset GOOGLE_GEMINI_BASE_URL
unset GEMINI_API_KEY
unset CC_RELAY_KEY
unset OPENAI_BASE_URL
unset OPENAI_API_KEY
`,
    );
  });

  it("on a terminal says how the lines are taken over", async () => {
    const { stderr } = await env({ client: "claude" }, { screen: { isTerminal: true } });
    assert.equal(stderr, '  - to run these lines in this shell: eval "$(cc-relay env claude --shell sh)"\n');
    const named = await env({ client: "claude", keyName: "laptop" }, { screen: { isTerminal: true } });
    assert.match(named.stderr, /eval "\$\(cc-relay env claude --key laptop --shell sh\)"\n$/);
    const other = fakeContext({ config, screen: { isTerminal: true } });
    other.configFile = "my relay.toml";
    await runEnv(other, {
      client: undefined,
      shell: "fish",
      unset: true,
      keyName: undefined,
      ownLogin: false,
      webSocket: true,
    });
    assert.equal(
      other.out.stderr.text(),
      "  - to run these lines in this shell: cc-relay --config 'my relay.toml' env --unset --shell fish | source\n",
    );
  });
});

it("what Claude Code's own settings put over the lines is named, with what overrules it", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-env-"));
  t.after(() => rm(folder, { recursive: true }));
  const own = { ANTHROPIC_BASE_URL: "https://other.example", ANTHROPIC_API_KEY: "own", OTHER: "x" };
  await writeFile(join(folder, "settings.json"), JSON.stringify({ env: own }));
  const surroundings = { env: { CLAUDE_CONFIG_DIR: folder } };
  assert.equal(
    (await env({ client: "claude" }, surroundings)).stderr,
    "! Claude Code's settings set ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY over these lines\n" +
      '  - change "env" there, or run: cc-relay run claude\n',
  );
  assert.equal((await env({ client: "codex" }, surroundings)).stderr, "");
});

describe("the key of env", () => {
  it("is the one that --key names", async () => {
    assert.match(
      (await env({ client: "openai", keyName: "laptop" })).stdout,
      /OPENAI_API_KEY='it'\\''s \$x'/,
    );
  });

  const refusals: [string, typeof keys, string, string][] = [
    ["latop", keys, 'no entry of api_keys is named "latop"', "use --key laptop"],
    ["x", keys, 'no entry of api_keys is named "x"', "use one of key-1, laptop"],
    ["x", [], 'no entry of api_keys is named "x"', "api_keys is empty, so no key is needed: leave --key out"],
    ["relay-key", keys, 'no entry of api_keys is named "***"', "use one of key-1, laptop"],
  ];
  for (const [keyName, given, message, fix] of refusals) {
    it(`named ${keyName} among ${given.length} is refused with what to write instead`, async () => {
      await assert.rejects(env({ client: "claude", keyName }, { config: fakeConfig({ keys: given }) }), {
        message,
        fix: { instruction: fix },
        exitCode: 2,
      });
    });
  }

  it("is made up where accounts are there and no key is needed", async () => {
    const { stdout, stderr } = await env(
      { client: "claude" },
      { config: fakeConfig({ accounts: [fakeAccount("claude")] }) },
    );
    assert.match(stdout, /ANTHROPIC_AUTH_TOKEN='cc-relay'/);
    assert.equal(stderr, "");
  });

  it("is left to the client where its own credential is forwarded", async () => {
    const relay = await listenAsRelay();
    closers.push(relay.close);
    const forwarding = { config: fakeConfig({ port: relay.port }), env: { ANTHROPIC_API_KEY: "own" } };
    assert.deepEqual(await env({ client: "claude" }, forwarding), {
      stdout: `export ANTHROPIC_BASE_URL='http://127.0.0.1:${relay.port}'\n`,
      stderr:
        "! Claude Code: no account and no key is configured, so requests go on with its own credential\n",
    });
    const codex = await env({ client: "codex" }, forwarding);
    assert.match(codex.stdout, /^# env_key = "OPENAI_API_KEY"$/m);
    assert.doesNotMatch(codex.stdout, /^export/m);
  });

  it("is made up for a demo, which has accounts that no file names", async () => {
    const relay = await listenAsRelay({ demo: true });
    closers.push(relay.close);
    const { stdout } = await env({ client: "claude" }, { config: fakeConfig({ port: relay.port }) });
    assert.match(stdout, /ANTHROPIC_AUTH_TOKEN='cc-relay'/);
  });
});

describe("the address of env", () => {
  const address = async (surroundings: FakeContextOptions) =>
    /BASE_URL='(.*)'/.exec((await env({ client: "claude" }, surroundings)).stdout)?.[1];

  const cases: [string, number, string][] = [
    ["127.0.0.1", 3000, "http://127.0.0.1:3000"],
    ["localhost", 80, "http://localhost:80"],
    ["0.0.0.0", 3000, "http://127.0.0.1:3000"],
    ["::", 3000, "http://[::1]:3000"],
    ["::1", 3000, "http://[::1]:3000"],
    ["[::1]", 3000, "http://[::1]:3000"],
    ["192.168.1.7", 8080, "http://192.168.1.7:8080"],
  ];
  for (const [host, port, expected] of cases) {
    it(`is ${expected} for ${host}`, async () => {
      assert.equal(await address({ config: fakeConfig({ keys, host, port }) }), expected);
    });
  }

  it("is the running relay's rather than the configured one", async () => {
    assert.equal(
      await address({ config: fakeConfig({ keys }), daemon: { host: "0.0.0.0", port: 4567 } }),
      "http://127.0.0.1:4567",
    );
  });
});

describe("conflicts", () => {
  it("are named on standard error with the command that removes them", async () => {
    const { stderr } = await env(
      { client: "claude" },
      { env: { ANTHROPIC_API_KEY: "secret-1", CLAUDE_CODE_USE_BEDROCK: "1" } },
    );
    assert.equal(
      stderr,
      `! ANTHROPIC_API_KEY is set: it is sent as a second credential
  - to remove it from this shell, run: unset ANTHROPIC_API_KEY
! CLAUDE_CODE_USE_BEDROCK is set: it sends the requests to Amazon Bedrock
  - to remove it from this shell, run: unset CLAUDE_CODE_USE_BEDROCK
`,
    );
  });

  it("include a proxy that would get the requests", async () => {
    const { stderr } = await env(
      { client: "openai", shell: "fish" },
      { env: { HTTPS_PROXY: "http://user:pw@p", NO_PROXY: "intranet" } },
    );
    assert.equal(
      stderr,
      `! HTTPS_PROXY is set and NO_PROXY does not name 127.0.0.1: the OpenAI SDKs would send their requests to the proxy
  - to except the relay, run: set -gx NO_PROXY 'intranet,127.0.0.1';
`,
    );
  });

  it("keep what the other spelling of NO_PROXY excepts, and are said in words where the shell cannot quote it", async () => {
    const fixes: [shell: "sh" | "cmd", exceptions: string, fix: string][] = [
      ["sh", "intranet", "to except the relay, run: export NO_PROXY='intranet,127.0.0.1'"],
      ["cmd", 'a"b', "add 127.0.0.1 to NO_PROXY"],
    ];
    for (const [shell, exceptions, fix] of fixes) {
      const proxied = { env: { HTTPS_PROXY: "http://p", no_proxy: exceptions } };
      const { stderr } = await env({ client: "openai", shell }, proxied);
      assert.equal(stderr.split("\n").at(-2), `  - ${fix}`);
    }
  });
});

it("another program that talks without end on the relay's port does not hold env up", async () => {
  const other = await listen((_request, response) => {
    response.writeHead(200);
    const talk = () => response.writable && response.write("x".repeat(16_384), () => setImmediate(talk));
    talk();
  });
  closers.push(other.close);
  const { stdout } = await env({ client: "claude" }, { config: fakeConfig({ port: other.port }) });
  assert.match(stdout, /ANTHROPIC_BASE_URL/);
});
