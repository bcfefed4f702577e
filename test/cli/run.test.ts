import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type RunOptions, runClient, runCommand } from "../../src/cli/run.ts";
import { toRun } from "../../src/domain/errors.ts";
import { type FakeContextOptions, fakeConfig, fakeContext, listen, listenAsRelay } from "./support.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const keys = [{ name: "key-1", key: "relay-key" }];
let folder = "";
let relay: Awaited<ReturnType<typeof listen>>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cc-relay-run-"));
  mkdirSync(join(folder, "bin"));
  relay = await listenAsRelay();
});

afterEach(async () => {
  await relay.close();
  rmSync(folder, { recursive: true });
});

/** Installs a client that writes down how it was started, then runs `then`. */
function install(client: string, then = ""): void {
  const file = join(folder, "bin", client);
  const seen = JSON.stringify(join(folder, "seen.json"));
  writeFileSync(
    file,
    `#!${process.execPath}
const fs = require("node:fs");
const home = process.env.GEMINI_CLI_HOME;
const settings = home && JSON.parse(fs.readFileSync(home + "/.gemini/settings.json", "utf8"));
fs.writeFileSync(${seen}, JSON.stringify({ args: process.argv.slice(2), env: process.env, home, settings }));
${then}
`,
  );
  chmodSync(file, 0o755);
}

interface Seen {
  args: string[];
  env: Record<string, string>;
  home?: string;
  settings?: unknown;
}

function seen(): Seen {
  return JSON.parse(readFileSync(join(folder, "seen.json"), "utf8"));
}

function environment(more: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: join(folder, "bin"),
    HOME: folder,
    CLAUDE_CONFIG_DIR: join(folder, ".claude"),
    ...more,
  };
}

async function run(options: Partial<RunOptions>, surroundings: FakeContextOptions = {}) {
  const context = fakeContext({
    config: fakeConfig({ keys, port: relay.port }),
    env: environment(),
    cwd: folder,
    ...surroundings,
  });
  await runClient(context, {
    client: "claude",
    args: [],
    keyName: undefined,
    ownLogin: false,
    webSocket: true,
    ...options,
  });
  return context;
}

describe("run claude", () => {
  it("gives the client the relay's address and key, and its arguments as they are", async () => {
    install("claude");
    const context = await run({ args: ["-p", "two words", "--", "-x", ""] });
    const { args, env } = seen();
    assert.deepEqual(args, ["-p", "two words", "--", "-x", ""]);
    assert.equal(env.ANTHROPIC_BASE_URL, `http://127.0.0.1:${relay.port}`);
    assert.equal(env.ANTHROPIC_AUTH_TOKEN, "relay-key");
    assert.equal(context.exitCode, 0);
    assert.equal(context.out.stdout.text() + context.out.stderr.text(), "");
  });

  it("takes away what would stand in the way, for the client only", async () => {
    install("claude");
    const env = environment({
      ANTHROPIC_API_KEY: "own",
      CLAUDE_CODE_USE_BEDROCK: "1",
      HTTPS_PROXY: "http://p",
      OTHER: "stays",
    });
    await run({}, { env });
    const child = seen().env;
    assert.deepEqual([child.ANTHROPIC_API_KEY, child.CLAUDE_CODE_USE_BEDROCK], [undefined, undefined]);
    assert.deepEqual([child.OTHER, child.HTTPS_PROXY], ["stays", "http://p"]);
    assert.deepEqual([child.NO_PROXY, child.no_proxy], ["127.0.0.1", "127.0.0.1"]);
    assert.equal(env.ANTHROPIC_API_KEY, "own");
  });

  it("leaves the client its own credential where that is forwarded", async () => {
    install("claude");
    await run(
      {},
      { config: fakeConfig({ port: relay.port }), env: environment({ ANTHROPIC_API_KEY: "own" }) },
    );
    const { env } = seen();
    assert.deepEqual([env.ANTHROPIC_API_KEY, env.ANTHROPIC_AUTH_TOKEN], ["own", undefined]);
  });

  it("passes the exit code on", async () => {
    install("claude", "process.exit(17)");
    assert.equal((await run({})).exitCode, 17);
  });

  it("passes the signal on that ended the client", async () => {
    install("claude", 'process.kill(process.pid, "SIGKILL")');
    assert.equal((await run({})).exitSignal, "SIGKILL");
  });
});

describe("run claude, where its own settings set variables,", () => {
  const own = {
    ANTHROPIC_BASE_URL: "https://other.example",
    ANTHROPIC_API_KEY: "own",
    HTTPS_PROXY: "http://p",
    OTHER: "stays",
  };

  /** Claude Code puts what its settings say over its environment, and the file that --settings names over both. */
  function installReader(): void {
    install(
      "claude",
      `const at = process.argv.indexOf("--settings");
if (at > 0) fs.copyFileSync(process.argv[at + 1], ${JSON.stringify(join(folder, "given.json"))});
fs.writeFileSync(${JSON.stringify(join(folder, "mode"))}, at > 0 ? String(fs.statSync(process.argv[at + 1]).mode & 0o777) : "");`,
    );
  }

  function writeSettings(path: string, env: object): void {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify({ env, model: "opus" }));
  }

  it("overrules them for this run, in a file that nobody else can read and that goes with it", async () => {
    installReader();
    writeSettings(".claude/settings.json", { ANTHROPIC_BASE_URL: "https://another.example", OTHER: "x" });
    writeSettings("work/.claude/settings.local.json", own);
    const before = readFileSync(join(folder, ".claude/settings.json"), "utf8");
    const context = await run({ args: ["-p", "x"] }, { cwd: join(folder, "work") });
    const [flag, file = "", ...rest] = seen().args;
    assert.deepEqual([flag, ...rest], ["--settings", "-p", "x"]);
    assert.deepEqual(JSON.parse(readFileSync(join(folder, "given.json"), "utf8")), {
      env: { ANTHROPIC_BASE_URL: `http://127.0.0.1:${relay.port}`, ANTHROPIC_API_KEY: "" },
    });
    assert.equal(readFileSync(join(folder, "mode"), "utf8"), String(0o600));
    // The settings bring a proxy along, so that the relay has to be excepted from it.
    assert.equal(seen().env.NO_PROXY, "127.0.0.1");
    assert.equal(existsSync(file), false);
    assert.equal(readFileSync(join(folder, ".claude/settings.json"), "utf8"), before);
    assert.equal(context.out.stderr.text(), "");
  });

  it("says so where a --settings of one's own comes last and counts", async () => {
    installReader();
    writeSettings(".claude/settings.json", own);
    const context = await run({ args: ["--settings", "{}"] });
    assert.equal(
      context.out.stderr.text(),
      "! Claude Code's settings set ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY: it may pass the relay by\n" +
        "  - to have that overruled for this run, leave --settings out\n",
    );
  });

  it("adds nothing where they agree or speak of other things, and leaves broken ones to Claude Code", async () => {
    install("claude");
    writeSettings(".claude/settings.json", {
      ANTHROPIC_BASE_URL: `http://127.0.0.1:${relay.port}`,
      OTHER: "x",
    });
    await run({ args: ["-p"] });
    assert.deepEqual(seen().args, ["-p"]);
    writeFileSync(join(folder, ".claude/settings.json"), "{");
    await run({ args: ["-p"] });
    assert.deepEqual(seen().args, ["-p"]);
  });
});

describe("run codex", () => {
  it("names the provider in flags before the client's own, and the key in the environment only", async () => {
    install("codex");
    await run({ client: "codex", args: ["exec", "Say hi"] });
    const { args, env } = seen();
    assert.deepEqual(args, [
      "-c",
      'model_provider="ccrelay"',
      "-c",
      `model_providers.ccrelay={name="cc-relay",base_url="http://127.0.0.1:${relay.port}/openai/v1",wire_api="responses",env_key="CC_RELAY_KEY",supports_websockets=true}`,
      "exec",
      "Say hi",
    ]);
    assert.equal(env.CC_RELAY_KEY, "relay-key");
    assert.doesNotMatch(args.join(" "), /relay-key/);
  });

  it("keeps Codex to HTTP with --no-websocket, before the client's name or after it", async () => {
    for (const line of ["--no-websocket codex -- exec", "codex --no-websocket -- exec"]) {
      const asked: RunOptions[] = [];
      const command = runCommand(fakeContext(), async (_context, options) => void asked.push(options));
      await command.parseAsync(line.split(" "), { from: "user" });
      assert.deepEqual(
        asked.map(({ args, webSocket }) => [args, webSocket]),
        [[["exec"], false]],
      );
    }
    install("codex");
    await run({ client: "codex", webSocket: false });
    assert.match(seen().args[3] ?? "", /supports_websockets=false/);
  });

  it("lets Codex use its own key where that is forwarded", async () => {
    install("codex");
    await run({ client: "codex" }, { config: fakeConfig({ port: relay.port }) });
    assert.match(seen().args[3] ?? "", /env_key="OPENAI_API_KEY"/);
    assert.equal(seen().env.CC_RELAY_KEY, undefined);
  });
});

describe("run gemini", () => {
  const gemini = () =>
    run({ client: "gemini" }, { env: environment({ GEMINI_CLI_HOME: folder, GOOGLE_API_KEY: "own" }) });

  it("gives the client a home with our choice of authentication and everything else of its own", async () => {
    mkdirSync(join(folder, ".gemini", "tmp"), { recursive: true });
    writeFileSync(join(folder, ".gemini", "trustedFolders.json"), "{}");
    const own = `{
  // the theme
  "ui": { "theme": "A // B" }, /* and more */
  "security": { "auth": { "selectedType": "oauth-personal", "useExternal": false } }
}`;
    writeFileSync(join(folder, ".gemini", "settings.json"), own);
    install(
      "gemini",
      `fs.writeFileSync(home + "/.gemini/tmp/chat", "kept");
       fs.writeFileSync(home + "/.gemini/settings.json", "{}");`,
    );
    await gemini();
    const { env, home, settings } = seen();
    assert.deepEqual(settings, {
      ui: { theme: "A // B" },
      security: { auth: { selectedType: "gemini-api-key", useExternal: false } },
    });
    assert.equal(env.GOOGLE_GEMINI_BASE_URL, `http://127.0.0.1:${relay.port}/gemini`);
    assert.equal(env.GEMINI_API_KEY, "relay-key");
    assert.equal(env.GOOGLE_API_KEY, undefined);
    assert.notEqual(home, folder);
    assert.equal(readFileSync(join(folder, ".gemini", "settings.json"), "utf8"), own);
    assert.equal(readFileSync(join(folder, ".gemini", "tmp", "chat"), "utf8"), "kept");
  });

  it("removes that home afterwards, also when the client fails, and nothing it leads to", async () => {
    mkdirSync(join(folder, ".gemini", "tmp"), { recursive: true });
    writeFileSync(join(folder, ".gemini", "tmp", "chat"), "mine");
    install("gemini", "process.exit(1)");
    await gemini();
    assert.equal(existsSync(seen().home ?? folder), false);
    assert.equal(readFileSync(join(folder, ".gemini", "tmp", "chat"), "utf8"), "mine");
  });

  it("keeps what the client writes there itself, its history foremost", async () => {
    mkdirSync(join(folder, ".gemini"));
    writeFileSync(join(folder, ".gemini", "projects.json"), "old");
    install(
      "gemini",
      `const inner = home + "/.gemini/";
       fs.mkdirSync(inner + "history");
       fs.writeFileSync(inner + "history/one", "new");
       fs.writeFileSync(inner + "projects.json.tmp", "renamed");
       fs.renameSync(inner + "projects.json.tmp", inner + "projects.json");`,
    );
    await gemini();
    assert.equal(readFileSync(join(folder, ".gemini", "history", "one"), "utf8"), "new");
    assert.equal(readFileSync(join(folder, ".gemini", "projects.json"), "utf8"), "renamed");
    assert.deepEqual(readdirSync(join(folder, ".gemini")).sort(), ["history", "projects.json"]);
    assert.equal(existsSync(seen().home ?? folder), false);
  });

  it("lets nobody else read that home", async () => {
    install(
      "gemini",
      `fs.writeFileSync(${JSON.stringify(join(folder, "modes"))}, [home, home + "/.gemini/settings.json"].map((file) => (fs.statSync(file).mode & 0o777).toString(8)).join());`,
    );
    await gemini();
    assert.equal(readFileSync(join(folder, "modes"), "utf8"), "700,600");
  });

  it("needs no home where the settings already say it", async () => {
    mkdirSync(join(folder, ".gemini"));
    writeFileSync(
      join(folder, ".gemini", "settings.json"),
      '{"security":{"auth":{"selectedType":"gemini-api-key"}}}',
    );
    install("gemini");
    await gemini();
    assert.equal(seen().home, folder);
  });

  it("works for somebody who has never started Gemini CLI", async () => {
    install("gemini");
    await gemini();
    assert.deepEqual(seen().settings, { security: { auth: { selectedType: "gemini-api-key" } } });
    assert.equal(existsSync(join(folder, ".gemini")), false);
  });

  it("says so when the settings cannot be read", async () => {
    mkdirSync(join(folder, ".gemini"));
    writeFileSync(join(folder, ".gemini", "settings.json"), "{");
    install("gemini");
    await assert.rejects(gemini(), { name: "UserError", message: /settings\.json is not valid JSON$/ });
    assert.equal(existsSync(join(folder, "seen.json")), false);
  });

  it("warns of a folder whose own settings choose otherwise", async () => {
    const work = join(folder, "work");
    mkdirSync(join(work, ".gemini"), { recursive: true });
    writeFileSync(
      join(work, ".gemini", "settings.json"),
      '{"security":{"auth":{"selectedType":"vertex-ai"}}}',
    );
    install("gemini");
    const { out } = await run(
      { client: "gemini" },
      { cwd: work, env: environment({ GEMINI_CLI_HOME: folder }) },
    );
    assert.equal(
      out.stderr.text(),
      `! ${work}/.gemini/settings.json chooses the authentication "vertex-ai": Gemini CLI will pass the relay by
  - write "gemini-api-key" there instead, or start it in another folder
`,
    );
  });
});

describe("run refuses", () => {
  it("when the client is not installed, and says how to install it", async () => {
    await assert.rejects(run({ client: "codex" }), {
      message: "Codex is not installed: there is no codex in PATH",
      fix: toRun("install it", "npm install -g @openai/codex"),
    });
  });

  it("when no relay answers, and says how to start one", async () => {
    install("claude");
    const { port } = relay;
    await relay.close();
    await assert.rejects(run({}, { config: fakeConfig({ keys, port }) }), {
      message: `no relay answers at http://127.0.0.1:${port}`,
      fix: { instruction: "to start it, run in another terminal:", command: "cc-relay serve" },
    });
    relay = await listenAsRelay();
    assert.equal(existsSync(join(folder, "seen.json")), false);
  });

  it("when something else answers", async () => {
    install("claude");
    const other = await listen((_request, response) => response.end("OK"));
    try {
      await assert.rejects(run({}, { config: fakeConfig({ keys, port: other.port }) }), {
        message: `what answers at http://127.0.0.1:${other.port} is not cc-relay`,
      });
    } finally {
      await other.close();
    }
  });
});

describe("what is typed after run", () => {
  const given: [string, string[], string | undefined][] = [
    ["claude", [], undefined],
    ["claude -- -p x", ["-p", "x"], undefined],
    ["claude -p x", ["-p", "x"], undefined],
    ["--key laptop claude -- -p x", ["-p", "x"], "laptop"],
    ["claude --key laptop -- -p x", ["-p", "x"], "laptop"],
    ["claude --key=laptop -- --key x -- y", ["--key", "x", "--", "y"], "laptop"],
    ["claude mcp add x -- npx y", ["mcp", "add", "x", "--", "npx", "y"], undefined],
    ["claude --key -- x", ["--key", "--", "x"], undefined],
  ];
  given.push(["claude --own-login -- -p x", ["-p", "x"], undefined], ["--own-login claude", [], undefined]);
  for (const [line, args, keyName] of given) {
    it(`${line}: the client gets ${JSON.stringify(args)}`, async () => {
      const seen: RunOptions[] = [];
      const command = runCommand(fakeContext(), async (_context, options) => void seen.push(options));
      await command.parseAsync(line.split(" "), { from: "user" });
      const ownLogin = line.includes("--own-login");
      assert.deepEqual(seen, [{ client: "claude", args, keyName, ownLogin, webSocket: true }]);
    });
  }
});

describe("the process that runs a client", () => {
  async function start(args: string[]) {
    const config = join(folder, "config.toml");
    writeFileSync(config, `api_keys = ["relay-key"]\n[server]\nport = ${relay.port}\n`);
    const child = spawn(process.execPath, [main, "--config", config, "run", "claude", ...args], {
      env: environment(),
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const closed = once(child, "close");
    return {
      child,
      output: () => ({ stdout, stderr }),
      end: async () => {
        const [code, signal] = await closed;
        return { code, signal, stderr };
      },
      async ready() {
        while (!stdout.includes("ready")) {
          await Promise.race([
            once(child.stdout, "data"),
            closed.then(() => assert.fail(`it ended: ${stderr}`)),
          ]);
        }
      },
    };
  }

  it("exits with the client's code and lets it write to our standard output", async () => {
    install("claude", 'process.stdout.write("said"); process.exitCode = 5;');
    const { end, output } = await start(["--", "-p", "x"]);
    assert.deepEqual(await end(), { code: 5, signal: null, stderr: "" });
    assert.equal(output().stdout, "said");
    assert.deepEqual(seen().args, ["-p", "x"]);
  });

  it("passes options on without -- too", async () => {
    install("claude");
    const { end } = await start(["-p", "x", "--config", "y"]);
    assert.deepEqual(await end(), { code: 0, signal: null, stderr: "" });
    assert.deepEqual(seen().args, ["-p", "x", "--config", "y"]);
  });

  it("dies of the signal that the client died of", async () => {
    install(
      "claude",
      'process.stdout.write("ready"); process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000);',
    );
    const { end } = await start([]);
    assert.deepEqual(await end(), { code: null, signal: "SIGTERM", stderr: "" });
  });

  it("sends SIGTERM and SIGINT on and waits for the client to end in its own way", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      install(
        "claude",
        `process.on("${signal}", () => process.exit(9)); process.stdout.write("ready"); setInterval(() => {}, 1000);`,
      );
      const { child, end, ready } = await start([]);
      await ready();
      child.kill(signal);
      assert.deepEqual(await end(), { code: 9, signal: null, stderr: "" });
    }
  });
});
