import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type RunOptions, runCommand } from "../../src/cli/run.ts";
import { toRun } from "../../src/domain/errors.ts";
import { createRunPlace, keys, type RunPlace } from "./run-place.ts";
import { fakeConfig, fakeContext, listen, listenAsRelay } from "./support.ts";

let place: RunPlace;
beforeEach(async () => {
  place = await createRunPlace();
});
afterEach(() => place.close());

describe("run claude", () => {
  it("gives the client the relay's address and key, and its arguments as they are", async () => {
    place.install("claude");
    const context = await place.run({ args: ["-p", "two words", "--", "-x", ""] });
    const { args, env } = place.seen();
    assert.deepEqual(args, ["-p", "two words", "--", "-x", ""]);
    assert.equal(env.ANTHROPIC_BASE_URL, `http://127.0.0.1:${place.port}`);
    assert.equal(env.ANTHROPIC_AUTH_TOKEN, "relay-key");
    assert.equal(context.exitCode, 0);
    assert.equal(context.out.stdout.text() + context.out.stderr.text(), "");
  });

  it("takes away what would stand in the way, for the client only", async () => {
    place.install("claude");
    const env = place.environment({
      ANTHROPIC_API_KEY: "own",
      CLAUDE_CODE_USE_BEDROCK: "1",
      HTTPS_PROXY: "http://p",
      OTHER: "stays",
    });
    await place.run({}, { env });
    const child = place.seen().env;
    assert.deepEqual([child.ANTHROPIC_API_KEY, child.CLAUDE_CODE_USE_BEDROCK], [undefined, undefined]);
    assert.deepEqual([child.OTHER, child.HTTPS_PROXY], ["stays", "http://p"]);
    assert.deepEqual([child.NO_PROXY, child.no_proxy], ["127.0.0.1", "127.0.0.1"]);
    assert.equal(env.ANTHROPIC_API_KEY, "own");
  });

  it("leaves the client its own credential where that is forwarded", async () => {
    place.install("claude");
    await place.run(
      {},
      {
        config: fakeConfig({ port: place.port }),
        env: place.environment({ ANTHROPIC_API_KEY: "own" }),
      },
    );
    const { env } = place.seen();
    assert.deepEqual([env.ANTHROPIC_API_KEY, env.ANTHROPIC_AUTH_TOKEN], ["own", undefined]);
  });

  it("passes the exit code on", async () => {
    place.install("claude", "process.exit(17)");
    assert.equal((await place.run({})).exitCode, 17);
  });

  it("passes the signal on that ended the client", async () => {
    place.install("claude", 'process.kill(process.pid, "SIGKILL")');
    assert.equal((await place.run({})).exitSignal, "SIGKILL");
  });
});

describe("run codex", () => {
  it("names the provider in flags before the client's own, and the key in the environment only", async () => {
    place.install("codex");
    await place.run({ client: "codex", args: ["exec", "Say hi"] });
    const { args, env } = place.seen();
    assert.deepEqual(args, [
      "-c",
      'model_provider="ccrelay"',
      "-c",
      `model_providers.ccrelay={name="cc-relay",base_url="http://127.0.0.1:${place.port}/openai/v1",wire_api="responses",env_key="CC_RELAY_KEY",supports_websockets=true}`,
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
    place.install("codex");
    await place.run({ client: "codex", webSocket: false });
    assert.match(place.seen().args[3] ?? "", /supports_websockets=false/);
  });

  it("leads the built-in provider to the relay for Codex's own login, where that asks for no key", async () => {
    place.install("codex");
    const config = fakeConfig({ port: place.port });
    const own = { client: "codex", ownLogin: true } as const;
    await place.run(own, { config });
    assert.deepEqual(place.seen().args, [
      ...["-c", 'model_provider="openai"'],
      ...["-c", `openai_base_url="http://127.0.0.1:${place.port}/openai/v1"`],
    ]);
    // It takes no header for a key, and always asks for a WebSocket.
    await place.run({ ...own, webSocket: false }, { config });
    assert.match(place.seen().args.join(" "), /requires_openai_auth=true,supports_websockets=false/);
    await place.run(own);
    assert.match(place.seen().args.join(" "), /env_http_headers=\{ "x-cc-relay-key" = "CC_RELAY_KEY" \}/);
  });

  it("lets Codex use its own key where that is forwarded", async () => {
    place.install("codex");
    await place.run({ client: "codex" }, { config: fakeConfig({ port: place.port }) });
    assert.match(place.seen().args[3] ?? "", /env_key="OPENAI_API_KEY"/);
    assert.equal(place.seen().env.CC_RELAY_KEY, undefined);
  });
});

describe("run refuses", () => {
  it("when the client is not installed, and says how to install it", async () => {
    await assert.rejects(place.run({ client: "codex" }), {
      message: "Codex is not installed: there is no codex in PATH",
      fix: toRun("install it", "npm install -g @openai/codex"),
    });
  });

  it("when no relay answers, and says how to start one", async () => {
    place.install("claude");
    const { port, close } = await listenAsRelay();
    await close();
    await assert.rejects(place.run({}, { config: fakeConfig({ keys, port }) }), {
      message: `no relay answers at http://127.0.0.1:${port}`,
      fix: { instruction: "to start it, run in another terminal:", command: "cc-relay serve" },
    });
    assert.equal(existsSync(join(place.folder, "seen.json")), false);
  });

  it("when something else answers", async () => {
    place.install("claude");
    const other = await listen((_request, response) => response.end("OK"));
    try {
      await assert.rejects(place.run({}, { config: fakeConfig({ keys, port: other.port }) }), {
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
  given.push(["claude --own-login", [], undefined], ["claude --own-login -p x", ["-p", "x"], undefined]);
  given.push(["claude --key laptop --own-login mcp -- npx", ["mcp", "--", "npx"], "laptop"]);
  given.push(["claude --config x=y", ["--config", "x=y"], undefined]);
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
