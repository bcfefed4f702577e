// A kind of account that src/ knows nothing of, built as docs/providers.md says: three files, and this one that tries it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { fakeEnvironment } from "../config/support.ts";
import { cases } from "../relay/cases.ts";
import { startAuthorizationServer } from "../support/authorization-server.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { send } from "../support/client.ts";
import { startRelay } from "../support/relay.ts";
import { startUpstream } from "../support/upstream.ts";
import { acmeKind } from "./acme-kind.ts";

test("an account of a made-up kind is configured, logs in at its own provider, and relays", async (t) => {
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const authorization = await startAuthorizationServer();
  t.after(() => authorization.close());
  const kinds = {
    ...accountKinds,
    acme: acmeKind({ apiUrl: upstream.url, loginUrl: authorization.url }),
  };
  const token = authorization.issue("acme");
  const read = (text: string) =>
    readConfig(text, { file: "/config.toml", environment: fakeEnvironment(), kinds });
  const { accounts, oauth } = read(
    `[oauth.acme]\nclient_id = "my-client"\n[[accounts]]\ntype = "acme"\nid = "acme-1"\nrefresh_token = "${token}"\n`,
  );
  const relay = await startRelay({ accounts, configure: (config) => ({ ...config, oauth }) });
  t.after(() => relay.close());

  const answer = await send(relay.url, cases.claude.request({ stream: true }));
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.header("x-cc-relay-account"), "acme-1");
  assert.equal(upstream.requests[0]!.headers["x-acme-version"], "7");
  assert.equal(
    upstream.requests[0]!.headers["x-acme-workspace"],
    "acme",
    "what the provider adds to a login",
  );
  assert.ok(authorization.accepts(upstream.requests[0]!.credential!));

  // A token that is refused is refreshed at the kind's own provider, and nowhere else.
  upstream.queue(upstream.requests[0]!.credential!, claudeFailures.tokenExpired());
  assert.equal((await send(relay.url, cases.claude.request({ stream: true }))).status, 200);
  assert.deepEqual(
    authorization.requests.map(({ grantType }) => grantType),
    ["refresh_token", "refresh_token"],
  );
  assert.equal(authorization.requests[1]!.parameters.client_id, "my-client");
});

test("what a made-up provider adds to a login can be written in the file, and is sent as it is there", async (t) => {
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const authorization = await startAuthorizationServer();
  t.after(() => authorization.close());
  const acme = acmeKind({ apiUrl: upstream.url, loginUrl: authorization.url });
  const { accounts } = readConfig(
    `[[accounts]]\ntype = "acme"\nid = "a"\nrefresh_token = "${authorization.issue("acme")}"\nworkspace = "mine"\n`,
    { file: "/config.toml", environment: fakeEnvironment(), kinds: { ...accountKinds, acme } },
  );
  const relay = await startRelay({ accounts });
  t.after(() => relay.close());
  assert.equal((await send(relay.url, cases.claude.request({ stream: true }))).status, 200);
  assert.equal(upstream.requests[0]!.headers["x-acme-workspace"], "mine");
});

test("what is wrong with an account of a made-up kind is said as of any other", () => {
  const kinds = { ...accountKinds, acme: acmeKind({ apiUrl: "https://a.example", loginUrl: "https://b" }) };
  const read = (rest: string) => {
    try {
      readConfig(`[[accounts]]\nid = "a"\n${rest}`, {
        file: undefined,
        environment: fakeEnvironment(),
        kinds,
      });
      return [];
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.problems.map(({ key, what }) => `${key} ${what}`);
    }
  };
  assert.deepEqual(read('type = "acme"\napi_key = "K"'), [
    "accounts[0].api_key is for accounts with an API key, and an account of type acme has a refresh_token",
  ]);
  assert.deepEqual(read('type = "acme"\nrefresh_token = "T"\n[oauth.acne]'), [
    "oauth.acne is not a known key",
  ]);
  assert.deepEqual(read('type = "claude-api"\napi_key = "K"\nworkspace = "w"'), [
    "accounts[0].workspace is for accounts of type acme, and this one is claude-api",
  ]);
  assert.deepEqual(read('type = "acme"\nrefresh_token = "T"\nworkspace = 5'), [
    "accounts[0].workspace must be a workspace in quotes, and is a number",
  ]);
  assert.deepEqual(read('type = "acmee"'), [
    'accounts[0].type must be one of "claude-api", "claude-oauth", "gemini-api", "gemini", "openai-responses", "client", "acme"',
  ]);
});

test("docs/providers.md shows these files as they are", () => {
  const root = join(import.meta.dirname, "../..");
  const text = readFileSync(join(root, "docs/providers.md"), "utf8");
  for (const name of ["acme-upstream.ts", "acme-login.ts", "acme-kind.ts"]) {
    const source = readFileSync(join(import.meta.dirname, name), "utf8");
    assert.ok(text.includes(`\`\`\`ts\n${source}\`\`\``), `${name} is another one in docs/providers.md`);
  }
});
