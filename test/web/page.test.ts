// The page's routes: who gets in and how far, under which headers, and what is answered while it is turned off.

import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { send } from "../support/client.ts";
import { startRelay } from "../support/relay.ts";
import { setStage } from "../support/stage.ts";
import { exchange, makeCode, ownFetch, signIn } from "./sign-in.ts";

const key = "relay-key-1";
const withKeys = { configure: <T>(config: T) => ({ ...config, apiKeys: [{ name: "laptop", key }] }) };
const dataPaths = [
  "/ui/data/usage",
  "/ui/data/usage.csv",
  "/ui/data/requests",
  "/ui/data/requests/x",
  "/ui/data/doctor",
];

test("a code is exchanged once for a cookie that only the browser can read, and that goes to no other site", async (t) => {
  const { relay } = await setStage(t);
  const code = await makeCode(relay);
  const answer = await exchange(relay, code);
  assert.equal(answer.status, 204);
  const port = new URL(relay.url).port;
  const cookie = new RegExp(
    `^cc-relay-ui-${port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200$`,
  );
  assert.match(answer.header("set-cookie") ?? "", cookie);
  const again = await exchange(relay, code);
  assert.deepEqual([again.status, again.header("set-cookie")], [401, undefined]);
});

test("of many who come with one code at the same time, one gets in", async (t) => {
  const { relay } = await setStage(t);
  const code = await makeCode(relay);
  const answers = await Promise.all(Array.from({ length: 8 }, () => exchange(relay, code)));
  assert.equal(answers.filter(({ status }) => status === 204).length, 1);
});

test("a code lives for a minute, and what is no code is refused", async (t) => {
  let now = Date.now();
  const { relay } = await setStage(t, { now: () => now });
  const code = await makeCode(relay, now);
  now += 60_000;
  assert.equal((await exchange(relay, code)).status, 401);
  for (const wrong of ["", "x", "../../../etc/passwd", "a".repeat(32), code.slice(1)]) {
    assert.equal((await exchange(relay, wrong)).status, 401, wrong);
  }
});

test("a code is a file that only its owner can read, without the code in it, and gone once it is used", async (t) => {
  const { relay } = await setStage(t);
  const folder = dirname(relay.config.server.databasePath);
  const files = () => readdirSync(folder).filter((name) => name.includes(".sign-in-"));
  const code = await makeCode(relay);
  const [name = ""] = files();
  assert.equal(statSync(`${folder}/${name}`).mode & 0o777, 0o600);
  assert.ok(!name.includes(code));
  await exchange(relay, code);
  assert.deepEqual(files(), []);
  await makeCode(relay, Date.now() - 61_000);
  assert.equal(files().length, 1);
  await makeCode(relay);
  assert.equal(files().length, 1, "the code that nobody used went when the next one was made");
});

test("the session ends after twelve hours", async (t) => {
  let now = Date.now();
  const { relay } = await setStage(t, { now: () => now });
  const cookie = await signIn(relay, now);
  const read = () => send(relay.url, { path: "/ui/data/requests", headers: [...cookie, ...ownFetch] });
  now += 12 * 3_600_000 - 1000;
  assert.equal((await read()).status, 200);
  now += 2000;
  assert.equal((await read()).status, 401);
});

test("a restart of the relay ends every session", async (t) => {
  const { relay } = await setStage(t);
  const cookie = await signIn(relay);
  const host = new URL(relay.url).host;
  const read = () =>
    send(relay.url, { path: "/ui/data/requests", headers: [...cookie, ...ownFetch, "host", host] });
  assert.equal((await read()).status, 200);
  await relay.restart();
  assert.equal((await read()).status, 401);
});

for (const [words, options] of [
  ["without api_keys", {}],
  ["with api_keys", withKeys],
] as const) {
  test(`${words}, the page's data needs a session and nothing else opens it`, async (t) => {
    const { relay } = await setStage(t, options);
    const cookie = await signIn(relay);
    const port = new URL(relay.url).port;
    const refused: [string, string[]][] = [
      ["nothing", []],
      ["a page without the cookie", ownFetch],
      ["the relay's key", ["x-cc-relay-key", key, "authorization", `Bearer ${key}`]],
      ["a session of one's own making", ["cookie", `cc-relay-ui-${port}=${"a".repeat(43)}`]],
      ["an empty session", ["cookie", `cc-relay-ui-${port}=`]],
      ["the cookie of another port", ["cookie", cookie[1]!.replace(port, "1")]],
    ];
    for (const path of dataPaths) {
      for (const [who, headers] of refused)
        assert.equal((await send(relay.url, { path, headers })).status, 401, `${who}: ${path}`);
    }
    assert.equal(
      (await send(relay.url, { path: "/ui/data/usage", headers: [...cookie, ...ownFetch] })).status,
      200,
    );
  });
}

test("a cookie that another server of this machine has set beside the session's does not lock it out", async (t) => {
  const { relay } = await setStage(t);
  const [, cookie = ""] = await signIn(relay);
  const planted = `${cookie.split("=")[0]}=planted`;
  const headers = ["cookie", `a=b; ${planted}; ${cookie}; ${planted}`, ...ownFetch];
  assert.equal((await send(relay.url, { path: "/ui/data/requests", headers })).status, 200);
});

test("the cookie opens no provider's route, no metrics and no list of routes", async (t) => {
  const { relay, upstream } = await setStage(t, withKeys);
  const cookie = await signIn(relay);
  const body = { model: "claude-opus-5-5", max_tokens: 10, messages: [{ role: "user", content: "Hi" }] };
  for (const path of ["/v1/messages", "/openai/v1/responses", "/v1beta/models/m:generateContent"]) {
    for (const headers of [cookie, [...cookie, ...ownFetch]]) {
      const { status } = await send(relay.url, { method: "POST", path, headers, body });
      assert.ok(status === 401 || status === 403, `${path}: ${status}`);
    }
  }
  for (const path of ["/v1/models", "/gemini/v1beta/models", "/metrics"]) {
    const { status } = await send(relay.url, { path, headers: cookie });
    assert.ok(status === 401 || status === 403, `${path}: ${status}`);
  }
  assert.equal(upstream.requests.length, 0);
});

test("other sites, other ports of this machine and rebound names get neither the page nor a session nor data", async (t) => {
  const { relay } = await setStage(t);
  const cookie = await signIn(relay);
  const strangers: [string, string[]][] = [
    [
      "another site",
      ["sec-fetch-site", "cross-site", "sec-fetch-mode", "navigate", "sec-fetch-dest", "iframe"],
    ],
    [
      "another port",
      ["sec-fetch-site", "same-site", "sec-fetch-mode", "navigate", "sec-fetch-dest", "document"],
    ],
    ["an older browser", ["origin", "https://evil.example"]],
    ["a sandboxed frame", ["origin", "null"]],
    ["a rebound name", ["host", "evil.example"]],
  ];
  for (const [who, headers] of strangers) {
    for (const path of ["/ui", "/ui/page/main.js", "/ui/data/usage", "/status", "/status?follow"]) {
      const answer = await send(relay.url, { path, headers: [...headers, ...cookie] });
      assert.equal(answer.status, 403, `${who}: ${path}`);
      assert.equal(answer.header("access-control-allow-origin"), undefined);
    }
    const code = await makeCode(relay);
    assert.equal((await exchange(relay, code, headers)).status, 403, who);
    assert.equal((await exchange(relay, code)).status, 204, "the code was not used up");
  }
});

test("the page itself needs no session, holds no data, and says what a browser may do with it", async (t) => {
  const { relay } = await setStage(t, withKeys);
  const typed = [
    "sec-fetch-site",
    "none",
    "sec-fetch-mode",
    "navigate",
    "sec-fetch-user",
    "?1",
    "sec-fetch-dest",
    "document",
  ];
  const { status, text, header } = await send(relay.url, { path: "/ui", headers: typed });
  assert.equal(status, 200);
  assert.doesNotMatch(text, /first|second|127\.0\.0\.1/);
  assert.doesNotMatch(text, /<style|style=|<script>|onclick|https?:/i);
  const policy = header("content-security-policy") ?? "";
  for (const rule of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ])
    assert.ok(policy.split("; ").includes(rule), rule);
  assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
  assert.deepEqual(
    [
      "x-content-type-options",
      "x-frame-options",
      "cross-origin-opener-policy",
      "cross-origin-resource-policy",
      "referrer-policy",
      "cache-control",
      "access-control-allow-origin",
    ].map((name) => header(name)),
    ["nosniff", "DENY", "same-origin", "same-origin", "no-referrer", "no-store", undefined],
  );
});

test("errors and data go out under the same headers", async (t) => {
  const { relay } = await setStage(t);
  const cookie = await signIn(relay);
  for (const [path, headers] of [
    ["/ui/data/usage", []],
    ["/ui/nowhere", []],
    ["/ui/data/requests", cookie],
  ] as const) {
    const answer = await send(relay.url, { path, headers });
    assert.match(answer.header("content-security-policy") ?? "", /default-src 'none'/, path);
    assert.equal(answer.header("x-content-type-options"), "nosniff", path);
  }
});

test("all files of the page together are below 200 KB and refer to nothing outside", async (t) => {
  const { relay } = await setStage(t);
  const seen = new Map<string, string>();
  const queue = ["/ui"];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    if (seen.has(path)) continue;
    const answer = await send(relay.url, { path });
    assert.equal(answer.status, 200, path);
    seen.set(path, answer.text);
    const found = [...answer.text.matchAll(/(?:src|href)="([^"#]+)"|from "([^"]+)"|import\("([^"]+)"\)/g)];
    for (const [, link, from, imported] of found)
      queue.push(new URL((link ?? from ?? imported)!, `http://relay${path}`).pathname);
  }
  assert.ok(seen.has("/ui/page/main.js") && seen.has("/ui/page/base.css") && seen.has("/ui/text/format.js"));
  const bytes = [...seen.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  assert.ok(bytes < 200_000, `${bytes} bytes`);
  for (const [path, text] of seen) {
    assert.doesNotMatch(text.replaceAll("http://www.w3.org/2000/svg", ""), /https?:\/\//, path);
    assert.doesNotMatch(
      text,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/,
      path,
    );
  }
});

test("paths that leave the page's files lead nowhere", async (t) => {
  const { relay } = await setStage(t);
  for (const path of [
    "/ui/../package.json",
    "/ui/..%2fpackage.json",
    "/ui/%2e%2e/main.js",
    "/ui/main.js",
    "/ui/app/relay-app.js",
    "/ui/page",
    "/ui//page/main.js",
    "/ui/page/main.js%00",
  ]) {
    const { status } = await send(relay.url, { path });
    assert.ok(status === 404 || status === 400, `${path}: ${status}`);
  }
  assert.equal((await send(relay.url, { path: "/uix" })).status, 404);
});

test("the page only reads: every other method is refused, and signing in takes JSON alone", async (t) => {
  const { relay } = await setStage(t);
  const cookie = await signIn(relay);
  for (const path of ["/ui", "/ui/data/usage", "/ui/data/requests/x", "/status"]) {
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const { status } = await send(relay.url, { method, path, headers: cookie, body: "{}" });
      assert.equal(status, 405, `${method} ${path}`);
    }
  }
  assert.equal((await send(relay.url, { path: "/ui/session" })).status, 405);
  const code = await makeCode(relay);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
    const headers = ["content-type", type];
    const body = JSON.stringify({ code });
    assert.equal((await send(relay.url, { method: "POST", path: "/ui/session", headers, body })).status, 400);
  }
  const long = await send(relay.url, {
    method: "POST",
    path: "/ui/session",
    body: { code, more: "x".repeat(4000) },
  });
  assert.equal(long.status, 400);
  assert.equal((await exchange(relay, code)).status, 204);
});

test("[ui] enabled = false turns the page off and leaves /status", async (t) => {
  const { relay } = await setStage(t, { configure: (config) => ({ ...config, ui: { enabled: false } }) });
  for (const path of ["/ui", "/ui/page/main.js", "/ui/data/usage", "/ui/session"])
    assert.equal((await send(relay.url, { path })).status, 404, path);
  assert.equal((await exchange(relay, await makeCode(relay))).status, 404);
  assert.equal((await send(relay.url, { path: "/status" })).status, 200);
});

test("where others reach the relay the page is off unless it is turned on", async (t) => {
  for (const [enabled, expected] of [
    [undefined, 404],
    [true, 200],
  ] as const) {
    const relay = await startRelay({
      configure: (config) => ({
        ...config,
        ui: { enabled },
        server: { ...config.server, host: "0.0.0.0" },
        apiKeys: [{ name: "laptop", key }],
      }),
    });
    t.after(() => relay.close());
    assert.equal((await send(relay.url, { path: "/ui" })).status, expected);
  }
});
