// What a login asks of each provider, with its own client, redirect address and terms.

import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { test } from "node:test";
import { claudeProvider } from "../../src/oauth/claude.ts";
import { geminiProvider } from "../../src/oauth/gemini.ts";
import { logIn } from "../../src/oauth/login.ts";
import { perTest } from "../support/per-test.ts";
import { browse, openLoginSite, portOf } from "./login-setup.ts";

const site = perTest(openLoginSite);

test("Google's login asks for a refresh token, on 127.0.0.1 or on its own page", async () => {
  const run = await site.start({ provider: geminiProvider(site.overrides()) });
  const query = new URL(run.links.automatic!).searchParams;
  assert.equal(query.get("access_type"), "offline");
  assert.equal(query.get("prompt"), "consent");
  assert.match(query.get("redirect_uri")!, /^http:\/\/127\.0\.0\.1:\d+\/oauth2callback$/);
  assert.equal(
    new URL(run.links.manual).searchParams.get("redirect_uri"),
    "https://codeassist.google.com/authcode",
  );
  await browse(run.links.automatic!);
  assert.ok((await run.result).ok);
  const [request] = site.server.requests;
  assert.equal(request!.headers["content-type"], "application/x-www-form-urlencoded");
  assert.equal(request!.parameters.state, undefined);
  assert.ok(request!.parameters.client_secret);
});

test("a client of one's own gets neither Gemini CLI's secret nor its page: the address is pasted", async () => {
  const provider = geminiProvider(site.overrides({ clientId: "mine" }));
  assert.equal(provider.clientSecret, undefined);
  const pasted = Promise.withResolvers<string>();
  const run = await site.start({ provider, prompts: { open: undefined, paste: () => pasted.promise } });
  assert.match(
    new URL(run.links.manual).searchParams.get("redirect_uri")!,
    /^http:\/\/127\.0\.0\.1:\d+\/oauth2callback$/,
  );
  const redirect = await new Promise<string>((resolve) => {
    http.get(run.links.manual, (response) => resolve(response.resume().headers.location!));
  });
  pasted.resolve(redirect);
  assert.ok((await run.result).ok);
  assert.equal(site.server.requests[0]!.parameters.client_id, "mine");
  assert.equal(site.server.requests[0]!.parameters.client_secret, undefined);
});

test("a configured redirect address is kept to: its port, and pasting where that is taken", async () => {
  const taken = net.createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as net.AddressInfo;
  const provider = claudeProvider(site.overrides({ redirectUri: `http://localhost:${port}/back` }));
  const failed = await logIn({
    provider,
    dispatcher: site.dispatchers.for("a", undefined),
    prompts: { show: () => assert.fail("nothing to show"), open: async () => {} },
    signal: new AbortController().signal,
  });
  assert.ok(!failed.ok);
  assert.match(failed.message, new RegExp(`^port ${port} of this machine is taken`));

  const run = await site.start({ provider, prompts: { paste: async () => undefined } });
  assert.equal(new URL(run.links.manual).searchParams.get("redirect_uri"), `http://localhost:${port}/back`);
  assert.equal(run.links.automatic, undefined);
  await run.result;
  await new Promise((resolve) => taken.close(resolve));

  const free = await site.start({ provider });
  assert.equal(portOf(free.links.automatic), port);
  await browse(free.links.automatic!);
  assert.ok((await free.result).ok);
});

test("the terms are three lines on a terminal of 80 columns for every provider", () => {
  for (const provider of [claudeProvider({}), geminiProvider({})]) {
    assert.equal(provider.terms.length, 3);
    for (const line of provider.terms)
      assert.ok(line.length > 20 && line.length <= 80 - "  1. ".length && !line.includes("\n"), line);
  }
});
