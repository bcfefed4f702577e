// `cc-relay serve` as a person sees it: in a real pseudo-terminal.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { openTerminal, type Terminal } from "../clients/terminal.ts";
import { childEnvironment } from "../support/child-environment.ts";
import { program } from "../support/program.ts";
import { until } from "../support/until.ts";

describe("on a terminal, serve", () => {
  async function serve(t: TestContext, args: (folder: string) => string[]): Promise<[Terminal, string]> {
    const folder = await mkdtemp(join(tmpdir(), "cc-relay-banner-"));
    await writeFile(join(folder, "config.toml"), '[server]\nport = 0\ndatabase_path = "relay.db"\n');
    const terminal = openTerminal({
      file: process.execPath,
      args: [program, ...args(folder)],
      env: childEnvironment(folder, { LANG: "C.UTF-8", TERM: "xterm" }),
      cwd: folder,
    });
    t.after(async () => {
      await terminal.close();
      await rm(folder, { recursive: true, force: true });
    });
    return [terminal, folder];
  }

  it("shows the address of a demo on a port of its own, which `env` would not find", async (t) => {
    const [terminal] = await serve(t, () => ["serve", "--demo", "--port", "0"]);
    await terminal.shows(/listening/);
    const url = /endpoint(http:\/\/127\.0\.0\.1:[1-9]\d*)accounts7simulated/.exec(terminal.seen())?.[1];
    assert.ok(url, terminal.seen());
    assert.ok(terminal.seen().includes(`exportANTHROPIC_BASE_URL='${url}'`), terminal.seen());
    assert.match(terminal.seen(), /look:inanotherterminal,runcc-relay--config\S+config\.tomltop/);
  });

  it("names the configuration of its folder, which no command in another one finds", async (t) => {
    const [terminal, folder] = await serve(t, () => ["serve"]);
    await terminal.shows(`eval "$(cc-relay --config ${folder}/config.toml env claude)" and start claude`);
  });

  it("lets an open answer finish when its terminal is closed", async (t) => {
    const [terminal] = await serve(t, () => ["serve", "--demo", "--port", "0"]);
    await terminal.shows(/listening/);
    const [, url] = /endpoint(http:\/\/127\.0\.0\.1:\d+)/.exec(terminal.seen()) ?? [];
    const content = "Explain at length how a session keeps its prompt cache.";
    const body = { model: "m", max_tokens: 4096, stream: true, messages: [{ role: "user", content }] };
    const answer = await fetch(`${url}/v1/messages`, { method: "POST", body: JSON.stringify(body) });
    assert.equal(answer.status, 200);
    const whole = answer.text();
    await terminal.close();
    assert.match(await whole, /event: message_stop/);
    await until("it is gone", () =>
      fetch(`${url}/health`).then(
        () => false,
        () => true,
      ),
    );
  });

  it("ends in order when its terminal is closed", async (t) => {
    const [terminal, folder] = await serve(t, () => ["serve"]);
    await terminal.shows(/listening/);
    const [, url] = /endpoint(http:\/\/127\.0\.0\.1:\d+)/.exec(terminal.seen()) ?? [];
    assert.equal((await fetch(`${url}/health`)).status, 200);
    await terminal.close();
    const isUp = () => fetch(`${url}/health`).then(Boolean, () => false);
    await until("it is gone", async () => !(await isUp()));
    // A relay that dies leaves its address behind.
    const store = await openSqliteStore(join(folder, "relay.db"), { readonly: true });
    await until("it has ended in order", async () => (await store.daemon.look()).info === undefined);
    await store.close();
  });
});
