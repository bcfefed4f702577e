// A token endpoint that echoes what it was sent: nothing of it may reach a message.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Agent } from "undici";
import { claudeProvider } from "../../src/oauth/claude.ts";
import { requestToken } from "../../src/oauth/token-request.ts";
import { createSecretList, redact } from "../../src/text/redact.ts";

test("a refresh token, a code and a client secret that are echoed are taken out, also where the text is shortened", async (t) => {
  const clientSecret = 'client "secret" of ours';
  const refreshToken = "plain-refresh-token-without-a-known-form";
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    response.writeHead(400, { "content-type": "application/json" });
    // So that the shortening would cut through a secret.
    const text = `${"x".repeat(180)} ${body} ${body}`;
    response.end(JSON.stringify({ error: "invalid_request", error_description: text }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const dispatcher = new Agent();
  t.after(async () => {
    server.close();
    await dispatcher.close();
  });
  const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  const reply = await requestToken({
    provider: claudeProvider({ tokenUrl, clientSecret }),
    dispatcher,
    parameters: [
      ["refresh_token", refreshToken],
      ["code", "plain-code-of-a-login"],
    ],
    now: Date.now,
  });
  assert.ok(!reply.ok);
  for (const secret of [
    refreshToken,
    refreshToken.slice(0, 14),
    "plain-code-of",
    'client \\"secret',
    'client "secret',
  ])
    assert.ok(!reply.failure.detail.includes(secret), reply.failure.detail);
});

test("secrets that are learned are redacted from then on, and the old ones still", () => {
  const secrets = createSecretList();
  secrets.add("old-access-token-1", undefined, "");
  const before = secrets.list();
  secrets.add("old-access-token-1");
  assert.equal(secrets.list(), before, "the same array, so that nobody prepares it anew");
  secrets.add("new-access-token-2");
  assert.equal(redact("old-access-token-1 new-access-token-2", secrets.list()), "*** ***");
});
