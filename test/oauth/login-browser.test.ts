// The login through the browser: what the callback takes, and the page that it answers with.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type http from "node:http";
import net from "node:net";
import { test } from "node:test";
import { startCallbackServer } from "../../src/oauth/callback-server.ts";
import { perTest } from "../support/per-test.ts";
import { browse, isListening, openLoginSite, portOf } from "./login-setup.ts";

const site = perTest(openLoginSite);

test("through the browser: the code comes back to loopback, the page says how it ended, and nothing is left behind", async () => {
  const run = await site.start();
  const query = new URL(run.links.automatic!).searchParams;
  assert.deepEqual(
    [...query.keys()],
    [
      "code",
      "client_id",
      "response_type",
      "redirect_uri",
      "scope",
      "code_challenge",
      "code_challenge_method",
      "state",
    ],
  );
  assert.equal(query.get("code_challenge_method"), "S256");
  assert.match(query.get("redirect_uri")!, /^http:\/\/localhost:\d+\/callback$/);
  assert.doesNotMatch(query.get("scope")!, /create_api_key/);
  const port = portOf(run.links.automatic);
  assert.deepEqual([await isListening(port), await isListening(port, "::1")], [true, true]);

  const page = await browse(run.links.automatic!);
  assert.equal(page.status, 200);
  assert.match(page.body, /Logged in/);
  const result = await run.result;
  assert.ok(result.ok);
  assert.ok(site.server.isLive(result.login.refreshToken));
  assert.ok(site.server.accepts(result.login.accessToken!));
  assert.equal(result.login.expiresAt, 1_000_000 + 28_800_000);
  assert.equal(result.login.owner, "person@example.com");
  assert.deepEqual([await isListening(port), await isListening(port, "::1")], [false, false]);

  const [request] = site.server.requests;
  assert.deepEqual(Object.keys(request!.parameters).sort(), [
    "client_id",
    "code",
    "code_verifier",
    "grant_type",
    "redirect_uri",
    "state",
  ]);
  assert.equal(request!.parameters.state, query.get("state"));
  const challenge = createHash("sha256").update(request!.parameters.code_verifier!).digest("base64url");
  assert.equal(challenge, query.get("code_challenge"));
  assert.match(request!.parameters.code_verifier!, /^[\w-]{43}$/);
  assert.notEqual(request!.parameters.code_verifier, request!.parameters.state);
});

test("the page loads and runs nothing, is not kept, and shows the provider's words as text", async () => {
  const run = await site.start();
  const automatic = new URL(run.links.automatic!);
  const back = new URL(automatic.searchParams.get("redirect_uri")!);
  back.search = new URLSearchParams({
    error: "access_denied",
    error_description: `<script>alert("x")</script>`,
    state: automatic.searchParams.get("state")!,
  }).toString();
  const page = await browse(back.href);
  const policy = page.headers["content-security-policy"] as string;
  assert.match(policy, /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'/);
  const style = /<style>(.*)<\/style>/.exec(page.body)?.[1] ?? "";
  assert.ok(policy.includes(createHash("sha256").update(style).digest("base64")));
  assert.equal(page.headers["cache-control"], "no-store");
  assert.equal(page.headers["referrer-policy"], "no-referrer");
  assert.doesNotMatch(page.body, /<script|https?:\/\//);
  assert.match(page.body, /&#60;script&#62;/);
  assert.deepEqual(await run.result, {
    ok: false,
    reason: "denied",
    message: `the login was refused: <script>alert("x")</script>`,
  });
});

test("an answer with a wrong state, another host, path or method neither logs in nor ends the login", async () => {
  const run = await site.start();
  const automatic = new URL(run.links.automatic!);
  const back = automatic.searchParams.get("redirect_uri")!;
  const state = automatic.searchParams.get("state")!;
  const refused: [string, http.RequestOptions, number][] = [
    [`${back}?code=evil&state=${"x".repeat(43)}`, {}, 400],
    [`${back}?code=evil`, {}, 400],
    [`${back}?error=access_denied`, {}, 400],
    [`${back}?state=${state}`, {}, 400],
    [`${back}?code=evil&state=${state}`, { headers: { host: "evil.example" } }, 404],
    [`${back}x?code=evil&state=${state}`, {}, 404],
    [new URL("/favicon.ico", back).href, {}, 404],
    [`${back}?code=evil&state=${state}`, { method: "POST" }, 404],
  ];
  for (const [address, options, status] of refused)
    assert.equal((await browse(address, options)).status, status, address);
  assert.equal(site.server.requests.length, 0);
  await browse(automatic.href);
  assert.ok((await run.result).ok);
});

test("a code is used once: a second answer while the first is exchanged is refused as the second", async () => {
  const { promise: refused, resolve: goOn } = Promise.withResolvers<void>();
  site.server.faults.push({ kind: "delay", ms: refused });
  const run = await site.start();
  const first = browse(run.links.automatic!);
  while (site.server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await browse(run.links.automatic!)).status, 410);
  goOn();
  assert.equal((await first).status, 200);
  assert.ok((await run.result).ok);
  assert.equal(site.server.requests.length, 1);
});

test("when the exchange fails the page says so too", async () => {
  site.server.faults.push({
    kind: "answer",
    status: 400,
    body: '{"error":"invalid_grant","error_description":"Code expired"}',
  });
  const run = await site.start();
  const page = await browse(run.links.automatic!);
  assert.match(page.body, /Not logged in/);
  assert.match(page.body, /Code expired/);
  const result = await run.result;
  assert.ok(!result.ok);
  assert.equal(result.reason, "refused");
  assert.equal(
    result.message,
    `Claude did not take the code: 127.0.0.1:${site.server.port} answered 400 (invalid_grant: Code expired)`,
  );
});

test("a browser that cannot be opened is no failure", async () => {
  const opened: string[] = [];
  const run = await site.start({
    prompts: {
      open: async (url) => {
        opened.push(url);
        throw new Error("no browser");
      },
    },
  });
  await browse(run.links.automatic!);
  assert.ok((await run.result).ok);
  assert.deepEqual(opened, [run.links.automatic]);
});

test("without a terminal to paste into and without a browser the loopback address is still offered", async () => {
  const run = await site.start({ prompts: { open: undefined } });
  assert.notEqual(run.links.automatic, undefined);
  await browse(run.links.automatic!);
  assert.ok((await run.result).ok);
});

test("no request to the callback's port ends a login, however bad it is", async () => {
  const bad = ["GET // HTTP/1.1", "GET /\\ HTTP/1.1", "GET http://[ HTTP/1.1", "GET * HTTP/1.1", "\x00\xff"];
  const callback = await startCallbackServer({ port: 0, path: "/callback", state: "the-state" });
  try {
    for (const line of bad) {
      const answer = await new Promise<string>((resolve) => {
        let text = "";
        const socket = net.connect(callback.port, "127.0.0.1", () => {
          socket.end(`${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
        });
        socket.on("data", (piece) => {
          text += piece;
        });
        socket.on("error", () => resolve("reset"));
        socket.on("close", () => resolve(text));
      });
      assert.match(answer, /^HTTP\/1\.1 4\d\d |^reset$/, line);
    }
    const page = browse(`http://127.0.0.1:${callback.port}/callback?state=the-state&code=c`);
    const came = await callback.callback;
    assert.ok(came.kind === "code" && came.code === "c");
    came.show({ ok: true, text: "fine" });
    assert.equal((await page).status, 200);
  } finally {
    await callback.close();
  }
});
