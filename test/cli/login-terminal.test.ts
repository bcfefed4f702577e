// `cc-relay login` as a process of its own: in a real pseudo-terminal, driven key by key, and in real pipes.

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openTerminal, type Terminal } from "../clients/terminal.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { agreeAt, codeFrom, linksIn, oauthToml } from "./login-support.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const enter = "\r";
const down = "\u001b[B";
const ctrlC = "\u0003";
const key = "sk-ant-api03-TypedAndNeverShown";

/** The program is started many times: compiled once, it starts twice as fast. */
const compiled = mkdtempSync(join(tmpdir(), "cc-relay-compiled-"));
after(() => rmSync(compiled, { recursive: true, force: true }));

let folder = "";
let configFile = "";
let server: AuthorizationServer;
let open: Terminal[] = [];
let children: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cc-relay-login-tty-"));
  configFile = join(folder, "config.toml");
  server = await startAuthorizationServer();
  writeFileSync(configFile, oauthToml(server));
});
afterEach(async () => {
  for (const terminal of open) await terminal.close();
  for (const child of children) child.kill("SIGKILL");
  open = [];
  children = [];
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** No browser can be seen, unless a test says so. */
function environment(more: Record<string, string> = {}): Record<string, string> {
  const path = `${dirname(process.execPath)}:/usr/bin:/bin`;
  const home = { HOME: folder, XDG_CONFIG_HOME: join(folder, "etc"), XDG_DATA_HOME: join(folder, "var") };
  return {
    PATH: path,
    NODE_COMPILE_CACHE: compiled,
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    ...home,
    ...more,
  };
}

function inTerminal(args: string[], env: Record<string, string> = {}): Terminal {
  const program = {
    file: process.execPath,
    args: [main, "login", ...args],
    env: environment(env),
    cwd: folder,
  };
  const terminal = openTerminal(program);
  open.push(terminal);
  return terminal;
}

/** The terminal shows neither spaces nor line breaks, so that what follows a link is glued to it: a state has 43 characters. */
function linksOf(terminal: Terminal): string[] {
  return [...terminal.seen().matchAll(/http:\/\/127\.0\.0\.1:\d+\/authorize\?.*?&state=[\w-]{43}/g)].map(
    ([link]) => link,
  );
}

const text = () => readFileSync(configFile, "utf8");

function assertUntouched(): void {
  assert.equal(text(), oauthToml(server));
  assert.deepEqual(readdirSync(folder), ["config.toml"]);
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
    const terminal = inTerminal(["claude"]);
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
    assert.ok(text().endsWith(`\n[[accounts]]\nid = "claude"\ntype = "claude-api"\napi_key = "${key}"\n`));
    assert.doesNotMatch(terminal.seen(), /TypedAndNeverShown|mistake/);
  });

  it("ends the question for the code when the browser has come back", async () => {
    const terminal = inTerminal(["claude"]);
    await toTheCode(terminal);
    const automatic = linksOf(terminal).find((link) => link.includes("localhost"))!;
    assert.match(await agreeAt(automatic), /Logged in/);
    await terminal.shows("✓ claude is added: claude-oauth, person@example.com");
    assert.equal(await terminal.ended(), 0);
    assert.ok(server.isLive(/refresh_token = "(.*)"/.exec(text())![1]!));
  });

  it("takes a pasted code, after one of another login", async () => {
    const terminal = inTerminal(["claude", "--no-browser"]);
    await toTheCode(terminal);
    const [manual] = linksOf(terminal);
    terminal.type(`old-code#old-state${enter}`);
    await terminal.shows("that code belongs to another login");
    terminal.type((await codeFrom(manual!)) + enter);
    await terminal.shows("✓ claude is added: claude-oauth, person@example.com");
    assert.equal(await terminal.ended(), 0);
  });

  it("takes the whole address that a browser on another machine ended at", async () => {
    const terminal = inTerminal(["claude"]);
    await toTheCode(terminal);
    const automatic = linksOf(terminal).find((link) => link.includes("localhost"))!;
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
        const terminal = inTerminal(["claude"]);
        await reach(terminal);
        terminal.type(ctrlC);
        assert.equal(await terminal.ended(), 2);
        assert.match(terminal.seen(), /cancelled$/);
      }),
    );
    assertUntouched();
  });

  it("ends with 2 on a no to the terms", async () => {
    const terminal = inTerminal(["claude"]);
    await terminal.shows("How do you log in?");
    terminal.type(down + enter);
    await terminal.shows("Do these terms fit your use?");
    terminal.type("n");
    assert.equal(await terminal.ended(), 2);
    assert.equal(server.connections, 0);
    assertUntouched();
  });

  it("asks before it replaces, and keeps what is there on Enter alone", async () => {
    writeFileSync(
      configFile,
      `${oauthToml(server)}\n[[accounts]]\nid = "a"\ntype = "claude-api"\napi_key = "old"\n`,
    );
    const before = text();
    const terminal = inTerminal(["claude", "--api-key", "--id", "a"]);
    await terminal.shows("a is there already (claude-api). Replace its API key?");
    terminal.type(enter);
    assert.equal(await terminal.ended(), 2);
    assert.equal(text(), before);
  });

  if (process.platform === "linux") {
    it("opens the browser of the environment", async () => {
      const seen = join(folder, "seen");
      const browser = join(folder, "browser");
      writeFileSync(browser, `#!/bin/sh\nprintf %s "$1" > ${seen}.new && mv ${seen}.new ${seen}\n`);
      chmodSync(browser, 0o755);
      const terminal = inTerminal(["claude"], { BROWSER: browser });
      await toTheCode(terminal);
      assert.match(terminal.seen(), /Yourbrowseropensnow/);
      for (let tries = 0; !existsSync(seen); tries++) {
        assert.ok(tries < 200, "no browser was opened");
        await sleep(25);
      }
      const url = readFileSync(seen, "utf8");
      assert.equal(url, linksOf(terminal)[0]);
      assert.match(await agreeAt(url), /Logged in/);
      assert.equal(await terminal.ended(), 0);
    });
  }
});

interface Piped {
  child: ChildProcess;
  stderr(): string;
  ended: Promise<[number | null, NodeJS.Signals | null]>;
}

function inPipes(args: string[]): Piped {
  const child = spawn(process.execPath, [main, "login", ...args], {
    cwd: folder,
    env: environment(),
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.push(child);
  let stderr = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once("close", (...end) => resolve(end));
  });
  return { child, stderr: () => stderr, ended };
}

async function shows({ stderr }: Piped, pattern: RegExp): Promise<void> {
  for (let tries = 0; !pattern.test(stderr()); tries++) {
    assert.ok(tries < 400, `${pattern} is not shown, but ${stderr()}`);
    await sleep(25);
  }
}

describe("in pipes, login", () => {
  it("reads the key and goes on at once, though the pipe stays open", async () => {
    const run = inPipes(["openai", "--id", "work"]);
    run.child.stdin!.write("sk-proj-1234567890abcdefghij\n");
    assert.deepEqual(await run.ended, [0, null]);
    assert.match(run.stderr(), /^✓ work is added: openai-responses, key sk-pro\*\*\*\*\n/);
  });

  it("has no key when nothing is piped in", () => {
    const { status, stderr } = spawnSync(process.execPath, [main, "login", "claude", "--api-key"], {
      cwd: folder,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    });
    assert.equal(status, 2);
    assert.match(stderr, /^✗ standard input holds no key\n/);
    assertUntouched();
  });

  it("shows the address and reads the code, with --yes and --no-browser", async () => {
    const run = inPipes(["claude", "--yes", "--no-browser"]);
    await shows(run, /state=[\w-]{43}\n/);
    run.child.stdin!.write(`${await codeFrom(linksIn(run.stderr())[0]!)}\n`);
    assert.deepEqual(await run.ended, [0, null]);
    assert.match(run.stderr(), /\n✓ claude is added: claude-oauth, person@example\.com\n/);
  });

  it("dies of SIGINT while it waits for the browser, and leaves nothing behind", async () => {
    const run = inPipes(["claude", "--yes"]);
    await shows(run, /state=[\w-]{43}\n/);
    run.child.kill("SIGINT");
    assert.deepEqual(await run.ended, [null, "SIGINT"]);
    assert.match(run.stderr(), /\n✗ the login was cancelled\n$/);
    assertUntouched();
  });
});
