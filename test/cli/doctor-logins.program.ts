import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { TokenRow } from "../../src/domain/token-store.ts";
import { hashToken } from "../../src/oauth/refresh.ts";
import { startAuthorizationServer } from "../support/authorization-server.ts";
import { accountFaults, siteFor } from "./doctor-account-faults.ts";

describe("doctor and logins:", () => {
  async function siteWithLogin(t: TestContext) {
    const site = await siteFor(t);
    const authority = await startAuthorizationServer();
    t.after(() => authority.close());
    const secret = authority.issue();
    await site.configure(
      () =>
        `[server]\nport = ${site.port}\n\n[[accounts]]\nid = "max"\ntype = "claude-oauth"\nrefresh_token = "${secret}"\napi_url = "${site.upstream.url}"\n\n[oauth.claude]\ntoken_url = "${authority.url}/token"\n`,
    );
    const row: TokenRow = {
      accountId: "max",
      configuredHash: hashToken(secret),
      refreshToken: "stored-refresh-token",
      accessToken: "stored-access-token",
      expiresAt: Date.now() + 60_000,
      extras: undefined,
      generation: 3,
      updatedAt: Date.now() - 3_600_000,
      exchangeHash: undefined,
      exchangeAt: undefined,
    };
    return { site, authority, secret, row };
  }

  it("a dead one is found, and the command that logs in again is named", async (t) => {
    const { site, authority, secret } = await siteWithLogin(t);
    authority.revoke(secret);
    assert.deepEqual(await accountFaults(site), {
      found: [
        `fail account max: the Claude login of account max is refused: 127.0.0.1:${authority.port} answered 400 (invalid_grant: Refresh token not found or invalid) -> to log in again, run: cc-relay login claude --id max`,
      ],
      code: 4,
    });
  });

  it("a stored token that is still good is used, and nothing is refreshed, not even shortly before its end", async (t) => {
    const { site, authority, row } = await siteWithLogin(t);
    await site.store(async ({ tokens }) => void (await tokens.replace(row, undefined)));
    assert.deepEqual(await accountFaults(site), { found: [], code: 0 });
    assert.equal(authority.requests.length, 0);
    assert.deepEqual(
      site.upstream.requests.map(({ credential }) => credential),
      ["stored-access-token"],
    );
    await site.store(async ({ tokens }) => assert.deepEqual(await tokens.load("max"), row));
  });

  it("a first one is refreshed once, and the new pair is kept for the next request", async (t) => {
    const { site, authority } = await siteWithLogin(t);
    assert.deepEqual((await accountFaults(site)).found, []);
    assert.deepEqual((await accountFaults(site)).found, []);
    assert.equal(authority.requests.length, 1);
    assert.equal(authority.killed, 0);
    await site.store(async ({ tokens }) => {
      const kept = await tokens.load("max");
      assert.ok(authority.isLive(kept?.refreshToken ?? ""));
    });
  });

  it("a token that the provider refuses is refreshed once before the login counts as refused", async (t) => {
    const { site, authority, row, secret } = await siteWithLogin(t);
    await site.store(async ({ tokens }) => {
      await tokens.replace({ ...row, refreshToken: secret }, undefined);
    });
    site.upstream.on("stored-access-token", {
      status: 401,
      body: { type: "error", error: { type: "authentication_error", message: "Invalid bearer token" } },
    });
    assert.deepEqual(await accountFaults(site), { found: [], code: 0 });
    assert.equal(authority.requests.length, 1);
    assert.equal(site.upstream.requests.length, 2);
  });

  it("a refresh that takes longer than the check is waited for and kept", async (t) => {
    const { site, authority } = await siteWithLogin(t);
    authority.faults.push({ kind: "delay", ms: 900 });
    site.site.limitMs = 400;
    const { found, code } = await accountFaults(site);
    assert.deepEqual(
      found.filter((fault) => fault.includes("account")),
      ["fail account max: login: no token came within 0.4 s -> to try again, run: cc-relay doctor"],
    );
    assert.equal(code, 1);
    await site.store(async ({ tokens }) => {
      assert.ok(authority.isLive((await tokens.load("max"))?.refreshToken ?? ""));
    });
  });
});

const setupToken = `sk-ant-oat01-${"a".repeat(95)}`;

describe("doctor and setup tokens:", () => {
  const dayMs = 86_400_000;
  const dateIn = (days: number) => new Date(Date.now() + days * dayMs).toISOString().slice(0, 10);

  async function siteWithToken(t: TestContext, end: string | undefined) {
    const site = await siteFor(t);
    const expires = end === undefined ? "" : `setup_token_expires = ${end}\n`;
    await site.configure(
      () =>
        `[server]\nport = ${site.port}\n\n[[accounts]]\nid = "max"\ntype = "claude-oauth"\nsetup_token = "${setupToken}"\n${expires}api_url = "${site.upstream.url}"\n`,
    );
    return site;
  }

  it("one that ends within 14 days is warned of, with the command that replaces it", async (t) => {
    const site = await siteWithToken(t, dateIn(9));
    assert.deepEqual(await accountFaults(site), {
      found: [
        `warn account max: its setup token ends on ${dateIn(9)}, and nothing refreshes it -> make a new one with \`claude setup-token\`, and give it here with: cc-relay login claude --setup-token --id max`,
      ],
      code: 0,
    });
    assert.equal(site.upstream.requests[0]?.credential, setupToken);
  });

  it("one that lasts longer, or was never used, is not", async (t) => {
    assert.deepEqual((await accountFaults(await siteWithToken(t, dateIn(20)))).found, []);
    assert.deepEqual((await accountFaults(await siteWithToken(t, undefined))).found, []);
  });

  it("a year that began with the first use here is remembered, offline too", async (t) => {
    const site = await siteWithToken(t, undefined);
    await site.store(async ({ tokens }) => {
      const end = Date.now() + 3 * dayMs;
      const row: TokenRow = {
        accountId: "max",
        configuredHash: hashToken(setupToken),
        refreshToken: "",
        accessToken: undefined,
        expiresAt: end,
        extras: undefined,
        generation: 1,
        updatedAt: end - 365 * dayMs,
        exchangeHash: undefined,
        exchangeAt: undefined,
      };
      await tokens.replace(row, undefined);
    });
    const { checks } = await site.document({ offline: true });
    const check = checks.find(({ name }) => name === "account max");
    assert.equal(check?.status, "warn");
    assert.match(check?.detail ?? "", /its setup token ends on/);
    assert.equal(site.upstream.requests.length, 0);
  });
});
