// The browser's side of a login, in a real one: what it shows, what it runs, and that it comes back to the terminal.

import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { linksOn, loginHomes, type PipedLogin } from "../cli/login-process.ts";
import { linksIn } from "../cli/login-support.ts";
import { type Browser, chromiumArguments, findChromium, launchChromium, type Page } from "./chromium.ts";

let browser: Browser;
const at = loginHomes();

before(async () => {
  browser = await launchChromium();
});
after(() => browser?.close());

/** Starts a login that waits for the browser; returns its address. */
async function waiting(provider = "claude"): Promise<{ run: PipedLogin; link: string }> {
  const run = at.home.inPipes([provider, "--yes"]);
  await run.shows(/state=[\w-]{43}\n/);
  return { run, link: linksIn(run.stderr())[0]! };
}

/** A page, with whatever its own rules kept it from doing. */
async function openPage(from = browser): Promise<{ page: Page; complaints: string[] }> {
  const page = await from.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  return { page, complaints };
}

const paragraph = (page: Page) => page.textContent("main p");
const tokenInFile = () => /^refresh_token = "(.*)"$/m.exec(at.home.text())?.[1] ?? "";

for (const localhost of ["127.0.0.1", "[::1]"]) {
  test(`the browser comes back to localhost at ${localhost}, shows that it is done, and the command has the login`, async () => {
    const own = await launchChromium({ localhost });
    try {
      const { run, link } = await waiting();
      const { page, complaints } = await openPage(own);
      await page.goto(link);
      assert.equal(await page.title(), "Logged in");
      assert.equal(await paragraph(page), "You can close this page and go back to the terminal.");
      assert.match(page.url(), /^http:\/\/localhost:\d+\/callback\?code=/);
      assert.deepEqual(await run.ended, [0, null]);
      assert.match(run.stderr(), /\n✓ claude is added: claude-oauth, person@example\.com\n/);
      assert.ok(at.server.isLive(tokenInFile()));
      // Its style is let through by its own policy, and whatever the browser asks for besides does no harm.
      const width = await page.evaluate<string>("getComputedStyle(document.querySelector('main')).maxWidth");
      assert.equal(width, "512px");
      assert.deepEqual(
        complaints.filter((text) => !/favicon|404/.test(text)),
        [],
      );
    } finally {
      await own.close();
    }
  });
}

test("a person who does not agree sees the provider's words as text, and the command says them", async () => {
  at.server.consents = false;
  const { run, link } = await waiting();
  const { page } = await openPage();
  await page.goto(link);
  assert.deepEqual([await page.title(), await paragraph(page)], ["Not logged in", "No, thanks"]);
  assert.deepEqual(await run.ended, [1, null]);
  assert.match(run.stderr(), /\n✗ the login was refused: No, thanks\n/);
});

test("a script in the provider's words does not run", async () => {
  const { run, link } = await waiting();
  const query = new URL(link).searchParams;
  const back = new URL(query.get("redirect_uri")!);
  const words = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
  back.search = new URLSearchParams({
    error: "e",
    error_description: words,
    state: query.get("state")!,
  }).toString();
  const { page } = await openPage();
  let dialogs = 0;
  page.on("dialog", (dialog) => {
    dialogs += 1;
    void dialog.dismiss();
  });
  await page.goto(back.href);
  assert.equal(await paragraph(page), words);
  assert.equal(dialogs, 0);
  assert.deepEqual(await run.ended, [1, null]);
});

test("another site cannot finish or end the login from its own page", async () => {
  const { run, link } = await waiting();
  const back = new URL(link).searchParams.get("redirect_uri")!;
  const site = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<title>Elsewhere</title><iframe src="${back}?code=evil&state=guessed"></iframe>
      <img src="${back}?code=evil&state=guessed"><img src="${back}?error=access_denied">`);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  try {
    const { page } = await openPage();
    await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
    const stolen = await page.evaluate<string>(
      `fetch(${JSON.stringify(`${back}?code=evil&state=guessed`)}).then((answer) => answer.text(), () => "refused")`,
    );
    assert.equal(stolen, "refused");
    assert.equal(run.child.exitCode, null);
    await page.goto(link);
    assert.equal(await page.title(), "Logged in");
    assert.deepEqual(await run.ended, [0, null]);
  } finally {
    site.closeAllConnections();
    await new Promise((resolve) => site.close(resolve));
  }
});

test("a second window with the same answer says that the login is over, while the first one still waits", async () => {
  at.server.faults.push({ kind: "delay", ms: 1500 });
  const { run, link } = await waiting();
  const { page: first } = await openPage();
  const { page: second } = await openPage();
  const query = new URL(link).searchParams;
  const again = new URL(query.get("redirect_uri")!);
  again.search = new URLSearchParams({ code: "again", state: query.get("state")! }).toString();
  const going = first.goto(link);
  while (at.server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await second.goto(again.href);
  assert.equal(await second.title(), "Already done");
  await going;
  assert.equal(await first.title(), "Logged in");
  assert.deepEqual(await run.ended, [0, null]);
});

test("Google's login comes back to 127.0.0.1", async () => {
  const { run, link } = await waiting("gemini");
  assert.match(
    new URL(link).searchParams.get("redirect_uri")!,
    /^http:\/\/127\.0\.0\.1:\d+\/oauth2callback$/,
  );
  const { page } = await openPage();
  await page.goto(link);
  assert.equal(await page.title(), "Logged in");
  // The project is known to Google alone, which is out of reach here.
  run.child.kill("SIGINT");
  await run.ended;
});

test("in a terminal the question for the code ends when the browser has come back", async () => {
  const terminal = at.home.inTerminal(["claude"]);
  await terminal.shows("How do you log in?");
  terminal.type("\u001b[B\r");
  await terminal.shows("Do these terms fit your use?");
  terminal.type("y");
  await terminal.shows(/Code.*paste/);
  const { page } = await openPage();
  const added = terminal.shows("✓ claude is added: claude-oauth, person@example.com");
  await Promise.all([added, page.goto(linksOn(terminal).find((link) => link.includes("localhost"))!)]);
  assert.equal(await page.title(), "Logged in");
  assert.equal(await terminal.ended(), 0);
});

test("what the provider's page shows can be pasted into the terminal", async () => {
  const terminal = at.home.inTerminal(["claude", "--no-browser"]);
  await terminal.shows("How do you log in?");
  terminal.type("\u001b[B\r");
  await terminal.shows("Do these terms fit your use?");
  terminal.type("y");
  await terminal.shows(/Code.*paste/);
  const { page } = await openPage();
  await page.goto(linksOn(terminal)[0]!);
  terminal.type(`${await page.textContent("body")}\r`);
  await terminal.shows("✓ claude is added: claude-oauth, person@example.com");
  assert.equal(await terminal.ended(), 0);
});

test("the command opens Chromium by itself, and everything else follows", async () => {
  const opener = join(at.home.folder, "browser");
  const options = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    `--user-data-dir=${join(at.home.folder, "profile")}`,
  ];
  const words = [findChromium(), ...options, ...chromiumArguments("127.0.0.1"), "--dump-dom"];
  const quoted = words.map((word) => `'${word}'`).join(" ");
  writeFileSync(opener, `#!/bin/sh\nexec ${quoted} "$1" > ${join(at.home.folder, "page")} 2> /dev/null\n`);
  chmodSync(opener, 0o755);
  const run = at.home.inPipes(["claude", "--yes"], { BROWSER: opener });
  assert.deepEqual(await run.ended, [0, null]);
  assert.match(run.stderr(), /\n✓ claude is added: claude-oauth, person@example\.com\n/);
  assert.ok(at.server.isLive(tokenInFile()));
});
