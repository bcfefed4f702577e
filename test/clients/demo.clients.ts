// The first minute, with real clients: `serve --demo` answers each of them, without an account, a key or a network.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as claude from "./claude-code.ts";
import * as codex from "./codex.ts";
import * as gemini from "./gemini-cli.ts";
import { type ProgramResult, runProgram } from "./program.ts";
import { createSandbox, relayCommand } from "./sandbox.ts";
import { type ServeChild, startServe } from "./serve-child.ts";

interface Demo {
  serve: ServeChild;
  /** `cc-relay run CLIENT -- ARGS` in a home where nothing is set up. */
  run(client: string, args: readonly string[]): Promise<ProgramResult>;
}

async function startDemo(t: TestContext): Promise<Demo> {
  const sandbox = await createSandbox();
  const configFile = join(sandbox.home, "config.toml");
  // The demo reads and keeps nothing: other commands find it where the configuration has a relay.
  const port = await freePort();
  await writeFile(configFile, `[server]\nport = ${port}\n`);
  const serve = await startServe({
    configFile,
    flags: ["--demo", "--port", String(port)],
    cwd: sandbox.home,
  });
  t.after(async () => {
    await serve.end();
    await sandbox.remove();
  });
  const [file, script] = relayCommand;
  return {
    serve,
    run: (client, args) =>
      runProgram({
        file,
        args: [script, "--config", configFile, "run", client, "--", ...args],
        env: { ...sandbox.env, ...gemini.trusting },
        cwd: sandbox.workspace,
      }),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const prompt = "Say hi";
const clients = {
  claude: { args: claude.printing([prompt]), readTranscript: claude.readTranscript },
  gemini: { args: gemini.printing([prompt]), readTranscript: gemini.readTranscript },
  codex: { args: codex.executing([], [prompt]), readTranscript: codex.readTranscript },
};

for (const [client, { args, readTranscript }] of Object.entries(clients)) {
  test(`the demo answers ${client}, which needs nothing but \`cc-relay run ${client}\``, async (t) => {
    const demo = await startDemo(t);
    const { exitCode, lines } = readTranscript(await demo.run(client, args));
    assert.equal(exitCode, 0, lines.join("\n"));
    assert.match(lines.join("\n"), /simulated answer.*You wrote: "Say hi"/s);
  });
}

test("a session with the demo shows one account at its limit and the other taking over, and the client none of it", async (t) => {
  const demo = await startDemo(t);
  for (let turn = 0; turn < 4; turn++) {
    const { exitCode } = claude.readTranscript(await demo.run("claude", clients.claude.args));
    assert.equal(exitCode, 0);
  }
  const log = demo.serve.log();
  assert.ok(log.some(({ failure, account }) => failure === "rate-limited" && account === "demo-claude-1"));
  assert.ok(log.some(({ msg, account }) => msg === "request" && account === "demo-claude-2"));
});
