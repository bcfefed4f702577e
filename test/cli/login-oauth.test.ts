import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { readConfig } from "../../src/config/load.ts";
import type { TokenRow } from "../../src/domain/token-store.ts";
import { hashToken } from "../../src/oauth/refresh.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { startConnectProxy } from "../support/proxies.ts";
import { agree, choice, createOAuthPlace, desktop, type OAuthPlace } from "./login-oauth-place.ts";
import {
  type Answer,
  cancelled,
  codeFrom,
  type LoginCall,
  linksIn,
  now,
  oauthToml,
  terminal,
  waiting,
  withoutLinks,
} from "./login-support.ts";

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

/** Copies the first address into a browser somewhere, agrees, and pastes what the page shows. */
const paste = async (seen: string) => codeFrom(linksIn(seen)[0]!);

const stored = (id: string) => place.store(database, ({ tokens }) => tokens.load(id));

const terms = `Before you log in to Claude with OAuth:
  1. Anthropic means this login for your own, ordinary use of Claude Code.
  2. All other use needs an API key; Anthropic may end access that breaks this.
  3. cc-relay sends over it only what a Claude client of yours has itself sent.
  - to use an API key instead, run: cc-relay login claude --api-key
`;

describe("an OAuth login on a terminal", () => {
  it("goes through choice, terms and browser, and ends in the file and in the database", async () => {
    const answers: Answer[] = [choice, true, waiting];
    const call = { ...terminal, ...desktop, answers, browser: agree };
    const result = await place.login("claude", call);
    assert.deepEqual(result.questions, [
      "How do you log in? API key | Claude subscription, by OAuth",
      "Do these terms fit your use?",
      "Code",
    ]);
    assert.equal(
      withoutLinks(result.stderr),
      `
Before you log in to Claude with OAuth:
  1. Anthropic means this login for your own, ordinary use of Claude Code.
  2. All other use needs an API key; Anthropic may end access that breaks this.
  3. cc-relay sends over it only what a Claude client of yours has itself sent.
  - to use an API key instead, run: cc-relay login claude --api-key


Your browser opens now. If it does not, open this address on this machine:

  LINK back to http://localhost:PORT/callback

From a browser on another machine, open this one and paste the code that it shows:

  LINK back to https://platform.claude.com/oauth/code/callback


✓ claude is added: claude-oauth, person@example.com
  written to ${place.configFile}
  no relay is running
  - to start it, run: cc-relay serve
`,
    );
    assert.deepEqual(
      [result.code, result.stdout, result.opened],
      [0, "", linksIn(result.stderr).slice(0, 1)],
    );
    const token = tokenInFile()!;
    assert.equal(
      place.text(),
      `${oauthToml(server)}\n[[accounts]]\nid = "claude"\ntype = "claude-oauth"\nrefresh_token = "${token}"\n`,
    );
    assert.equal(statSync(place.configFile).mode & 0o777, 0o600);
    const row = (await stored("claude")) as TokenRow;
    assert.ok(server.isLive(token) && server.accepts(row.accessToken!));
    assert.deepEqual(
      [row.configuredHash, row.refreshToken, row.expiresAt, row.updatedAt],
      [hashToken(token), token, now + 28_800_000, now],
    );
    assert.equal(statSync(database).mode & 0o777, 0o600);
  });

  it("takes a pasted code where no browser can be seen, and says what is wrong with another one", async () => {
    const answers: Answer[] = [choice, true, "something#else", paste];
    const result = await place.login("claude", { ...terminal, answers });
    assert.equal(result.code, 0);
    assert.deepEqual(result.opened, []);
    assert.ok(
      withoutLinks(result.stderr).includes(`
Open this address in any browser, and paste the code that it shows:

  LINK back to https://platform.claude.com/oauth/code/callback

From a browser on this machine, this one needs no pasting:

  LINK back to http://localhost:PORT/callback

! that code belongs to another login: use the address shown here, and paste what it ends at
`),
    );
    assert.ok(server.isLive(tokenInFile()!));
  });

  it("shows one address with --no-browser", async () => {
    const answers: Answer[] = [choice, true, paste];
    const result = await place.login("claude --no-browser", { ...terminal, ...desktop, answers });
    assert.equal(result.code, 0);
    assert.deepEqual(result.opened, []);
    assert.equal(linksIn(result.stderr).length, 1);
    assert.ok(
      withoutLinks(result.stderr).includes(
        "\nOpen this address in any browser, and paste the code that it shows:\n\n  LINK back to https://platform",
      ),
    );
  });

  it("ends on a no to the terms: exit 2, and nothing was asked of the provider or written", async () => {
    const { stderr, code } = await place.login("claude", { ...terminal, answers: [choice, false] });
    assert.equal(code, 2);
    assert.ok(
      stderr.endsWith(
        "\n✗ nothing was changed: without a yes there is no login\n" +
          "  - to use an API key instead, run: cc-relay login claude --api-key\n",
      ),
    );
    assert.equal(server.connections, 0);
    assertUntouched();
  });

  it("leaves nothing behind after Ctrl-C at any question", async () => {
    for (const answers of [[cancelled], [choice, cancelled], [choice, true, cancelled]] as Answer[][]) {
      const { stderr, code, signal } = await place.login("claude", { ...terminal, answers });
      assert.deepEqual([code, signal], [2, undefined]);
      assert.match(stderr, /✗ (the login was )?cancelled\n$/);
      assertUntouched();
    }
  });

  it("refreshes the account that the list names, after a question and without the choice", async () => {
    await place.login("claude --yes", { browser: agree, ...desktop });
    const old = tokenInFile()!;
    await place.store(database, ({ accounts }) =>
      accounts.saveCooldown({
        accountId: "claude",
        scope: "",
        since: now,
        until: now + 1e6,
        kind: "unauthorized",
        reason: "the login is gone",
        settings: undefined,
        probedAt: now,
      }),
    );
    const before = place.text();
    const answers: Answer[] = [true, true, waiting];
    const call = { ...terminal, ...desktop, answers, browser: agree };
    const { questions, stderr } = await place.login("claude --id claude", call);
    assert.deepEqual(questions, [
      "claude is there already (claude-oauth). Replace its login?",
      "Do these terms fit your use?",
      "Code",
    ]);
    assert.match(stderr, /\n✓ claude is refreshed: claude-oauth, person@example\.com\n/);
    const token = tokenInFile()!;
    assert.notEqual(token, old);
    assert.equal(place.text(), before.replace(old, token));
    assert.equal((await stored("claude"))?.generation, 2);
    assert.deepEqual(await place.store(database, ({ accounts }) => accounts.cooldowns()), []);
  });

  it("asks how an account with a key is to log in from now on", async () => {
    const toml = `${oauthToml(server)}\n[[accounts]]\nid = "work"\ntype = "claude-api"\napi_key = "k" # old\n`;
    writeFileSync(place.configFile, toml);
    const answers: Answer[] = [choice, true, true, waiting];
    const call = { ...terminal, ...desktop, answers, browser: agree };
    const { questions } = await place.login("claude --id work", call);
    assert.deepEqual(questions.slice(0, 2), [
      "How do you log in from now on? API key | Claude subscription, by OAuth",
      "work is there already (claude-api). Replace its API key by a login?",
    ]);
    const [, account] = place.text().split("[[accounts]]");
    assert.equal(account, `\nid = "work"\ntype = "claude-oauth"\nrefresh_token = "${tokenInFile()}"\n`);
  });
});

describe("an OAuth login in a pipe", () => {
  it("needs a yes beforehand, and says to what", async () => {
    const { stderr, code } = await place.login("claude", { stdin: ["ignored"] });
    assert.equal(code, 2);
    assert.equal(
      stderr,
      `✗ there is no terminal to ask whether it is to be an API key or a login
  --yes logs in with OAuth, and says yes to what the provider's terms say:
    1. Anthropic means this login for your own, ordinary use of Claude Code.
    2. All other use needs an API key; Anthropic may end access that breaks this.
    3. cc-relay sends over it only what a Claude client of yours has itself sent.
  - to add an API key, pipe it in: printf %s "$KEY" | cc-relay login claude --api-key
`,
    );
    assertUntouched();
  });

  it("goes through the browser with --yes, which answers every question", async () => {
    const result = await place.login("claude --id work --yes", { ...desktop, browser: agree });
    assert.equal(
      withoutLinks(result.stderr),
      `${terms}
Your browser opens now. If it does not, open this address on this machine:

  LINK back to http://localhost:PORT/callback

✓ work is added: claude-oauth, person@example.com
  written to ${place.configFile}
  no relay is running
  - to start it, run: cc-relay serve
`,
    );
    assert.equal(result.opened.length, 1);
    const again = await place.login("claude --id work --yes", { ...desktop, browser: agree });
    assert.match(again.stderr, /\n✓ work is refreshed: claude-oauth,/);
  });

  it("reads the code from standard input with --no-browser, line by line until one fits", async () => {
    const call: LoginCall = { stdin: ["nonsense#x\n", "\n", async (seen) => `${await paste(seen)}\n`] };
    const result = await place.login("claude --yes --no-browser", call);
    assert.equal(
      withoutLinks(result.stderr),
      `${terms}
Open this address in any browser, and paste the code that it shows:

  LINK back to https://platform.claude.com/oauth/code/callback

! that code belongs to another login: use the address shown here, and paste what it ends at
✓ claude is added: claude-oauth, person@example.com
  written to ${place.configFile}
  no relay is running
  - to start it, run: cc-relay serve
`,
    );
  });

  it("says so when standard input ends before a code came", async () => {
    const { stderr, code } = await place.login("claude --yes --no-browser", { stdin: [] });
    assert.equal(code, 2);
    assert.ok(
      stderr.endsWith(
        "\n✗ standard input ended before a code came\n" +
          "  - keep it open until the code has been written to it\n",
      ),
    );
    assertUntouched();
  });
});

describe("an OAuth login that fails", () => {
  const fails = async (call: LoginCall = {}) => {
    const { stderr, code } = await place.login("claude --yes", { ...desktop, browser: agree, ...call });
    assertUntouched();
    return { code, text: stderr.slice(stderr.indexOf("✗")) };
  };
  const instead = "  - to use an API key instead, run: cc-relay login claude --api-key\n";

  it("says what the provider said to somebody who did not agree", async () => {
    server.consents = false;
    assert.deepEqual(await fails(), { code: 1, text: `✗ the login was refused: No, thanks\n${instead}` });
  });

  it("says that the code was not taken", async () => {
    const body = JSON.stringify({ error: "invalid_grant", error_description: "Code expired" });
    server.faults.push({ kind: "answer", status: 400, body });
    const { code, text } = await fails();
    assert.equal(code, 1);
    assert.match(
      text,
      /^✗ Claude did not take the code: .*Code expired.*\n {2}- run the same command again: /,
    );
  });

  it("says that the provider could not be reached", async () => {
    server.faults.push({ kind: "hang-up", when: "before" });
    const { code, text } = await fails();
    assert.equal(code, 1);
    assert.match(text, /^✗ the code could not be exchanged: .*\n {2}- check the network, and run the same/);
  });

  it("names the API key where no refresh token comes", async () => {
    server.faults.push({ kind: "lie", change: ({ refresh_token: _, ...answer }) => answer });
    const { code, text } = await fails();
    assert.equal(code, 1);
    assert.match(text, /^✗ Claude handed out no refresh token.*\n {2}- to use an API key instead, run: /);
  });

  it("says that the time is over", async () => {
    assert.deepEqual(await fails({ browser: async () => {}, limitMs: 30 }), {
      code: 1,
      text: "✗ nobody finished the login in time\n  - run the same command again\n",
    });
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`ends in good order on ${signal} while it waits, and dies of it`, async () => {
      const call: LoginCall = { ...desktop, signalAt: [/state=/, signal] };
      const result = await place.login("claude --yes", call);
      assert.equal(result.signal, signal);
      assert.ok(result.stderr.endsWith("✗ the login was cancelled\n"));
      assertUntouched();
    });
  }
});

describe("an OAuth login through a proxy", () => {
  it("is fetched through it, and the account has it from then on", async () => {
    const proxy = await startConnectProxy({ username: "me", password: "word" });
    try {
      const line = `claude --yes --proxy http://me:word@127.0.0.1:${proxy.port}`;
      const { stderr, code } = await place.login(line, { ...desktop, browser: agree });
      assert.equal(code, 0);
      assert.ok(
        stderr.includes(
          `\nThe login is fetched through the http proxy 127.0.0.1:${proxy.port}; the browser goes its own way.\n`,
        ),
      );
      assert.doesNotMatch(stderr, /word/);
      assert.deepEqual([proxy.targets, proxy.credentials], [[`127.0.0.1:${server.port}`], ["me:word"]]);
      const [account] = readConfig(place.text(), {
        file: place.configFile,
        environment: place.environment,
        kinds: accountKinds,
      }).accounts;
      const { type, host, port, username, password } = account!.proxy!;
      assert.deepEqual(
        [type, host, port, username, password],
        ["http", "127.0.0.1", proxy.port, "me", "word"],
      );

      // The account's own proxy carries the next login by itself.
      assert.equal((await place.login("claude --id claude --yes", { ...desktop, browser: agree })).code, 0);
      assert.equal(proxy.targets.length, 2);
    } finally {
      await proxy.close();
    }
  });

  it("fails when the proxy does, and nothing goes around it", async () => {
    const { stderr, code } = await place.login("claude --yes --proxy socks5://127.0.0.1:9", {
      ...desktop,
      browser: agree,
    });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /\n✗ .*127\.0\.0\.1:9.*\n {2}- check the proxy, or name another one with --proxy\n$/,
    );
    assert.equal(server.requests.length, 0);
    assertUntouched();
  });
});

describe("an account that was written by hand without its login", () => {
  const byHand = '\n[[accounts]]\nid = "max"\ntype = "claude-oauth"\nname = "Max"\n';

  it("is the one that is logged in to, and nothing is replaced", async () => {
    writeFileSync(place.configFile, oauthToml(server) + byHand);
    const answers: Answer[] = [true, waiting];
    const call = { ...terminal, ...desktop, answers, browser: agree };
    const { code, questions } = await place.login("claude", call);
    assert.deepEqual([code, questions], [0, ["Do these terms fit your use?", "Code"]]);
    assert.equal(place.text(), `${oauthToml(server)}${byHand}refresh_token = "${tokenInFile()}"\n`);
  });

  it("stops the login when it is not the only problem, before it begins", async () => {
    const two = oauthToml(server) + byHand + byHand.replace('"max"', '"other"');
    for (const toml of [two, `port = 1\n${oauthToml(server)}${byHand}`]) {
      writeFileSync(place.configFile, toml);
      const { stderr, code } = await place.login("claude", { ...terminal, answers: [] });
      assert.equal(code, 1);
      assert.match(stderr, /^✗ the configuration has \d problems?\n/);
      assert.equal(place.text(), toml);
    }
  });
});

/** No account, no database, no half-written file. */
function assertUntouched(): void {
  assert.equal(place.text(), oauthToml(server));
  assert.deepEqual(readdirSync(place.folder), ["config.toml"]);
  assert.equal(existsSync(dirname(database)), false);
}
