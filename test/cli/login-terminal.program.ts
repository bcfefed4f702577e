// `cc-relay login` as a process of its own: in a real pseudo-terminal, driven key by key, and in real pipes.

import assert from "node:assert/strict";
import { chmodSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Terminal } from "../clients/terminal.ts";
import { linksOn, loginHomes } from "./login-process.ts";
import { agreeAt, codeFrom, linksIn, oauthToml } from "./login-support.ts";

const enter = "\r";
const down = "\u001b[B";
const ctrlC = "\u0003";
const key = "sk-ant-api03-TypedAndNeverShown";

const at = loginHomes();

function assertUntouched(): void {
  assert.equal(at.home.text(), oauthToml(at.server));
  assert.deepEqual(readdirSync(at.home.folder), ["config.toml"]);
}

/** As far as the question for the code. */
async function toTheCode(terminal: Terminal): Promise<void> {
  await terminal.shows("How do you log in?");
  terminal.type(down + enter);
  await terminal.shows("Do these terms fit your use?");
  terminal.type("y");
  await terminal.shows(/Code.*paste/);
}

describe("in a terminal, login", () => {
  it("takes an API key by default, and shows nothing of it", async () => {
    const terminal = at.home.inTerminal(["claude"]);
    await terminal.shows("How do you log in?");
    terminal.type(enter);
    await terminal.shows("API key of claude (from platform.claude.com)");
    terminal.type("sk-proj-mistake");
    terminal.type(enter);
    await terminal.shows("that is a key for OpenAI, and this account is for Claude");
    terminal.type("\u007f".repeat("sk-proj-mistake".length));
    terminal.type(key);
    terminal.type(enter);
    await terminal.shows("✓ claude is added: claude-api, key sk-ant****");
    assert.equal(await terminal.ended(), 0);
    assert.ok(
      at.home.text().endsWith(`\n[[accounts]]\nid = "claude"\ntype = "claude-api"\napi_key = "${key}"\n`),
    );
    assert.doesNotMatch(terminal.seen(), /TypedAndNeverShown|mistake/);
  });

  it("ends the question for the code when the browser has come back", async () => {
    const terminal = at.home.inTerminal(["claude"]);
    await toTheCode(terminal);
    const automatic = linksOn(terminal).find((link) => link.includes("localhost"))!;
    const added = terminal.shows("✓ claude is added: claude-oauth, person@example.com");
    const [page] = await Promise.all([agreeAt(automatic), added]);
    assert.match(page, /Logged in/);
    assert.equal(await terminal.ended(), 0);
    assert.ok(at.server.isLive(/refresh_token = "(.*)"/.exec(at.home.text())![1]!));
  });

  it("takes a pasted code, after one of another login", async () => {
    const terminal = at.home.inTerminal(["claude", "--no-browser"]);
    await toTheCode(terminal);
    const [manual] = linksOn(terminal);
    terminal.type(`old-code#old-state${enter}`);
    await terminal.shows("that code belongs to another login");
    terminal.type((await codeFrom(manual!)) + enter);
    await terminal.shows("✓ claude is added: claude-oauth, person@example.com");
    assert.equal(await terminal.ended(), 0);
  });

  it("takes the whole address that a browser on another machine ended at", async () => {
    const terminal = at.home.inTerminal(["claude"]);
    await toTheCode(terminal);
    const automatic = linksOn(terminal).find((link) => link.includes("localhost"))!;
    const { headers } = await fetch(automatic, { redirect: "manual" });
    terminal.type(headers.get("location")! + enter);
    await terminal.shows("✓ claude is added: claude-oauth, person@example.com");
    assert.equal(await terminal.ended(), 0);
  });

  it("ends with 2 on Ctrl-C at every question, and leaves nothing behind", async () => {
    const moments: ((terminal: Terminal) => Promise<void>)[] = [
      (terminal) => terminal.shows("How do you log in?"),
      async (terminal) => {
        await terminal.shows("How do you log in?");
        terminal.type(enter);
        await terminal.shows("API key of claude");
        terminal.type("sk-ant-half");
      },
      async (terminal) => {
        await terminal.shows("How do you log in?");
        terminal.type(down + enter);
        await terminal.shows("Do these terms fit your use?");
      },
      toTheCode,
    ];
    await Promise.all(
      moments.map(async (reach) => {
        const terminal = at.home.inTerminal(["claude"]);
        await reach(terminal);
        terminal.type(ctrlC);
        assert.equal(await terminal.ended(), 2);
        assert.match(terminal.seen(), /cancelled$/);
      }),
    );
    assertUntouched();
  });

  it("ends with 2 on a no to the terms", async () => {
    const terminal = at.home.inTerminal(["claude"]);
    await terminal.shows("How do you log in?");
    terminal.type(down + enter);
    await terminal.shows("Do these terms fit your use?");
    terminal.type("n");
    assert.equal(await terminal.ended(), 2);
    assert.equal(at.server.connections, 0);
    assertUntouched();
  });

  it("asks before it replaces, and keeps what is there on Enter alone", async () => {
    writeFileSync(
      at.home.configFile,
      `${oauthToml(at.server)}\n[[accounts]]\nid = "a"\ntype = "claude-api"\napi_key = "old"\n`,
    );
    const before = at.home.text();
    const terminal = at.home.inTerminal(["claude", "--api-key", "--id", "a"]);
    await terminal.shows("a is there already (claude-api). Replace its API key?");
    terminal.type(enter);
    assert.equal(await terminal.ended(), 2);
    assert.equal(at.home.text(), before);
  });

  if (process.platform === "linux") {
    it("opens the browser of the environment", async () => {
      const browser = join(at.home.folder, "browser");
      const seen = join(at.home.folder, "seen");
      writeFileSync(browser, `#!/bin/sh\nprintf %s "$1" > ${seen}.new && mv ${seen}.new ${seen}\n`);
      chmodSync(browser, 0o755);
      const terminal = at.home.inTerminal(["claude"], { BROWSER: browser });
      await toTheCode(terminal);
      assert.match(terminal.seen(), /Yourbrowseropensnow/);
      const url = await at.home.file("seen");
      assert.equal(url, linksOn(terminal)[0]);
      assert.match(await agreeAt(url), /Logged in/);
      assert.equal(await terminal.ended(), 0);
    });
  }
});

describe("in pipes, login", () => {
  it("reads the key and goes on at once, though the pipe stays open", async () => {
    const run = at.home.inPipes(["openai", "--id", "work"]);
    run.child.stdin!.write("sk-proj-1234567890abcdefghij\n");
    assert.deepEqual(await run.ended, [0, null]);
    assert.match(run.stderr(), /^✓ work is added: openai-responses, key sk-pro\*\*\*\*\n/);
  });

  it("has no key when nothing is piped in", async () => {
    const run = at.home.inPipes(["claude", "--api-key"]);
    run.child.stdin!.end();
    assert.deepEqual(await run.ended, [2, null]);
    assert.match(run.stderr(), /^✗ standard input holds no key\n/);
    assertUntouched();
  });

  it("shows the address and reads the code, with --yes and --no-browser", async () => {
    const run = at.home.inPipes(["claude", "--yes", "--no-browser"]);
    await run.shows(/state=[\w-]{43}\n/);
    run.child.stdin!.write(`${await codeFrom(linksIn(run.stderr())[0]!)}\n`);
    assert.deepEqual(await run.ended, [0, null]);
    assert.match(run.stderr(), /\n✓ claude is added: claude-oauth, person@example\.com\n/);
  });

  it("dies of SIGINT while it waits for the browser, and leaves nothing behind", async () => {
    const run = at.home.inPipes(["claude", "--yes"]);
    await run.shows(/state=[\w-]{43}\n/);
    run.child.kill("SIGINT");
    assert.deepEqual(await run.ended, [null, "SIGINT"]);
    assert.match(run.stderr(), /\n✗ the login was cancelled\n$/);
    assertUntouched();
  });
});
