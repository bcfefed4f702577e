import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import { readConfig } from "../../src/config/load.ts";
import { createDispatchers } from "../../src/network/dispatchers.ts";
import { createTokenSource } from "../../src/oauth/tokens.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { systemClock } from "../../src/time/clock.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { startConnectProxy } from "../support/proxies.ts";
import { agree, choice, createOAuthPlace, desktop, type OAuthPlace } from "./login-oauth-place.ts";
import { agreeAt, now, terminal } from "./login-support.ts";

let oauth: OAuthPlace;
let server: OAuthPlace["server"];
let place: OAuthPlace["place"];
let database: string;
let tokenInFile: OAuthPlace["tokenInFile"];

beforeEach(async () => {
  oauth = await createOAuthPlace();
  ({ server, place, database, tokenInFile } = oauth);
});
afterEach(() => oauth.close());

describe("a login whose file cannot be written after all", () => {
  const spoil = () => {
    // Somebody protects it while the person is in the browser.
    chmodSync(place.configFile, 0o444);
  };
  const spoilThenAgree = async (url: string) => {
    spoil();
    await agreeAt(url);
  };

  it("is in the database, and the message has the lines that bring it to life", async () => {
    const line = "claude --id work --yes --priority 150";
    const { stderr, code } = await place.login(line, { ...desktop, browser: spoilThenAgree });
    assert.equal(code, 1);
    assert.equal(
      stderr.slice(stderr.indexOf("✗")),
      `✗ ${place.configFile} is read-only, so that this command cannot change it
  the login is not lost: it is in ${database}; it is used as soon as the file has these lines:

  [[accounts]]
  id = "work"
  type = "claude-oauth"
  priority = 150
  refresh_token = "kept-in-the-database"

  - make the file and its folder writable for this user, or change the file by hand
`,
    );
    const lines = stderr
      .slice(stderr.indexOf("  [[accounts]]"), stderr.lastIndexOf("\n\n  - "))
      .replaceAll(/^ {2}/gm, "");
    chmodSync(place.configFile, 0o600);
    writeFileSync(place.configFile, `${place.text()}\n${lines}\n`);
    await assertUsable("work");
  });

  it("lives on in the database where the account had a login before: the file may stay as it is", async () => {
    await place.login("claude --id work --yes", { ...desktop, browser: agree });
    const before = place.text();
    const { stderr, code } = await place.login("claude --id work --yes", {
      ...desktop,
      browser: spoilThenAgree,
    });
    assert.equal(code, 1);
    assert.ok(
      stderr.includes(
        `\n  the login is not lost: it is in ${database}, and the account uses it, whatever the file says\n`,
      ),
    );
    assert.equal(place.text(), before);
    server.revoke(tokenInFile()!);
    await assertUsable("work");
  });

  it("shows no password of a proxy in those lines", async () => {
    const proxy = await startConnectProxy({ username: "me", password: "word" });
    try {
      const line = `claude --yes --proxy http://me:word@127.0.0.1:${proxy.port}`;
      const { stderr } = await place.login(line, { ...desktop, browser: spoilThenAgree });
      assert.match(stderr, /\n {2}\[accounts\.proxy\]\n[^[]*\n {2}password = "PASSWORD"\n/);
      assert.doesNotMatch(stderr, /"word"|:word/);
    } finally {
      await proxy.close();
    }
  });

  it("is reported before it begins when that is known", async () => {
    spoil();
    const { stderr, code } = await place.login("claude", {
      ...terminal,
      answers: [choice],
    });
    assert.deepEqual([code, server.connections], [1, 0]);
    assert.match(stderr, /^✗ .* is read-only, so that this command cannot change it\n/);
  });

  it("is in the file all the same when the database cannot be used", async () => {
    mkdirSync(database, { recursive: true });
    const { stderr, code } = await place.login("claude --yes", { ...desktop, browser: agree });
    assert.equal(code, 0);
    assert.match(stderr, /\n! .*; the relay refreshes the login at its first use\n✓ claude is added/);
    assert.ok(server.isLive(tokenInFile()!));
    rmSync(database, { recursive: true });
    await assertUsable("claude");
  });
});

/** What a relay does that starts with this file and this database. */
async function assertUsable(id: string): Promise<void> {
  const config = readConfig(place.text(), {
    file: place.configFile,
    environment: place.environment,
    kinds: accountKinds,
  });
  const account = config.accounts.find((each) => each.id === id)!;
  await place.store(database, async ({ tokens }) => {
    const dispatchers = createDispatchers({ connectTimeoutMs: 1000 });
    const source = createTokenSource({
      tokens,
      dispatcherFor: () => dispatchers.for(id, undefined),
      config: () => config.oauth,
      clock: { ...systemClock, now: () => now },
      log: silentLog,
    });
    const access = await source.credential(account, new AbortController().signal);
    assert.ok(access.ok, JSON.stringify(access));
    assert.ok(server.accepts(access.token));
    await source.close();
    await dispatchers.close();
  });
}
