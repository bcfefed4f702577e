// Who may speak to the relay, its own routes, and what it says to everything else.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { matchRoute } from "../../src/dialects/registry.ts";
import { routes } from "../../src/server/own-routes.ts";
import { dialectCases } from "../relay/cases.ts";
import { send, sendRaw } from "../support/client.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import { setStage } from "../support/stage.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

let upstream: ScriptedUpstream;
let open: TestRelay;
let keyed: TestRelay;
const key = "relay-key-1";

before(async () => {
  upstream = await startUpstream();
  const accounts = [testAccount("a", "claude-api", upstream.url)];
  open = await startRelay({ accounts });
  keyed = await startRelay({
    accounts,
    configure: (config) => ({ ...config, apiKeys: [{ name: "laptop", key }] }),
  });
});
after(async () => {
  await open.close();
  await keyed.close();
  await upstream.close();
});

test("health needs no key and says the version and the uptime", async () => {
  const answer = await send(keyed.url, { path: "/health" });
  assert.equal(answer.status, 200);
  const { uptime_seconds, ...rest } = answer.json() as Record<string, unknown>;
  assert.deepEqual(rest, { status: "ok", version: "0.0.0-test" });
  assert.equal(typeof uptime_seconds, "number");
});

test("the probes that clients send first are answered without a key, under every alias", async () => {
  for (const path of [
    "/",
    "/api/hello",
    "/claude",
    "/claude/",
    "/claude/api/hello",
    "/api",
    "/api/api/hello",
  ]) {
    assert.equal((await send(keyed.url, { method: "HEAD", path })).status, 200, path);
  }
});

test("everything else needs a key where keys are set, in any of its four places", async () => {
  for (const path of ["/", "/metrics", "/v1/models", "/nowhere"]) {
    const refused = await send(keyed.url, { path });
    assert.deepEqual([refused.status, refused.header("x-cc-relay-error")], [401, "invalid_key"], path);
    assert.equal(refused.header("x-should-retry"), "false");
  }
  const places = [
    ["Authorization", `Bearer ${key}`],
    ["X-Api-Key", key],
    ["x-goog-api-key", key],
  ];
  for (const headers of places)
    assert.equal((await send(keyed.url, { path: "/", headers })).status, 200, headers[0]);
  assert.equal((await send(keyed.url, { path: `/?x=1&key=${key}` })).status, 200);
  const wrong = ["relay-key-", "relay-key-11", "", "Bearer"];
  for (const value of wrong)
    assert.equal((await send(keyed.url, { path: "/", headers: ["x-api-key", value] })).status, 401);
});

test("a key with spaces opens in every place, too", async (t) => {
  const spaced = await startRelay({
    configure: (config) => ({ ...config, apiKeys: [{ name: "laptop", key: "one two" }] }),
  });
  t.after(() => spaced.close());
  for (const headers of [
    ["Authorization", "Bearer one two"],
    ["X-Api-Key", "one two"],
  ])
    assert.equal((await send(spaced.url, { path: "/", headers })).status, 200, headers[0]);
  assert.equal((await send(spaced.url, { path: "/?key=one%20two" })).status, 200);
});

test("metrics are Prometheus text with what was served", async () => {
  await send(open.url, dialectCases[0]!.request());
  const answer = await send(open.url, { path: "/metrics" });
  assert.match(answer.header("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  assert.match(
    answer.text,
    /^cc_relay_requests_total\{family="claude",route="claude\/generate",outcome="complete",code="200"\} 1$/m,
  );
  assert.match(answer.text, /^cc_relay_attempts_total\{family="claude",account="a",result="ok"\} 1$/m);
  assert.match(answer.text, /^cc_relay_account_state\{family="claude",account="a",state="ready"\} 1$/m);
  assert.match(answer.text, /^cc_relay_open_answers\{family="claude"\} 0$/m);
  assert.match(answer.text, /^nodejs_eventloop_lag_p99_seconds /m);
});

test("the listed routes are the ones that exist", async () => {
  const listed = ((await send(open.url, { path: "/" })).json() as { routes: string[] }).routes;
  assert.deepEqual(listed, routes);
  for (const route of listed.filter((one) => !/\/(health|metrics|ui|status)?$/.test(one))) {
    const [method, pattern] = route.split(" ") as [string, string];
    const filled = pattern.replace(/\{([^|}]+)[^}]*\}/g, "$1");
    assert.ok(matchRoute(method, filled), `${method} ${filled}`);
  }
});

test("a page of another origin is refused, whatever it asks for, and no CORS header is ever sent", async () => {
  const foreign = [
    ["Origin", "https://evil.example"],
    ["Origin", "null"],
    ["Origin", "http://127.0.0.1:1"],
    ["Sec-Fetch-Site", "cross-site"],
    ["Sec-Fetch-Site", "same-site"],
  ];
  for (const headers of foreign) {
    for (const request of [
      { path: "/health" },
      dialectCases[0]!.request(),
      { method: "OPTIONS", path: "/v1/messages" },
    ]) {
      const answer = await send(open.url, {
        ...request,
        headers: [...("headers" in request ? (request.headers ?? []) : []), ...headers],
      });
      assert.deepEqual(
        [answer.status, answer.header("x-cc-relay-error")],
        [403, "forbidden_origin"],
        headers.join(": "),
      );
      assert.equal(
        answer.rawHeaders.some((name) => /^access-control/i.test(name)),
        false,
      );
    }
  }
  const own = await send(open.url, { path: "/health", headers: ["Origin", open.url] });
  assert.equal(own.status, 200);
});

test("a name that was rebound to this machine is refused, loopback names and allowed ones are not", async () => {
  const ask = (host: string) => send(open.url, { path: "/health", headers: ["Host", host] });
  for (const host of ["evil.example", "evil.example:3000", "127.0.0.1.evil.example"]) {
    const answer = await ask(host);
    assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [403, "forbidden_host"], host);
  }
  for (const host of ["localhost", "LOCALHOST:3000", "127.0.0.1", "[::1]:3000", "127.9.9.9"]) {
    assert.equal((await ask(host)).status, 200, host);
  }
  await open.reconfigure((config) => ({
    ...config,
    server: { ...config.server, allowedHosts: ["relay.home"] },
  }));
  assert.equal((await ask("relay.home:3000")).status, 200);
});

test("unknown paths are answered in the nearest API's form, with the base URL to use", async () => {
  const ask = async (method: string, path: string) => {
    const answer = await send(open.url, { method, path, body: "{}" });
    return { status: answer.status, code: answer.header("x-cc-relay-error"), text: answer.text };
  };
  const host = new URL(open.url).host;
  const messages = await ask("POST", "/messages");
  assert.deepEqual([messages.status, messages.code], [404, "not_found"]);
  assert.match(messages.text, /"type":"not_found_error"/);
  assert.match(messages.text, new RegExp(`use http://${host}/v1 as the base URL`));
  assert.match((await ask("POST", "/v1/v1/messages")).text, new RegExp(`use http://${host} as the base URL`));
  assert.match(
    (await ask("POST", "/openai/responses")).text,
    new RegExp(`use http://${host}/openai/v1 as the base URL`),
  );
  assert.match(
    (await ask("POST", "/gemini/v1beta/v1beta/models/m:generateContent")).text,
    /"status":\s*"NOT_FOUND"/,
  );
});

test("a method that a path has not is answered with those it has", async () => {
  for (const [method, path, allowed] of [
    ["DELETE", "/v1/messages", "POST"],
    ["POST", "/openai/v1/responses/resp_1", "GET, DELETE"],
    ["POST", "/health", "GET, HEAD"],
    ["PUT", "/metrics", "GET"],
  ] as const) {
    const answer = await send(open.url, { method, path });
    assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [405, "method_not_allowed"], path);
    assert.equal(answer.header("allow"), allowed, path);
  }
});

test("a WebSocket upgrade is answered 426 at once", async () => {
  const { port } = new URL(open.url);
  const request =
    "GET /openai/v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdA==\r\n\r\n";
  const answer = String(await sendRaw(Number(port), request));
  assert.match(answer, /^HTTP\/1\.1 426 /);
  assert.match(answer, /supports_websockets = false/);
});

test("absolute request targets, as clients behind a proxy variable send them, are understood", async () => {
  const { port } = new URL(open.url);
  const answer = String(
    await sendRaw(
      Number(port),
      `GET http://127.0.0.1:${port}/health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`,
    ),
  );
  assert.match(answer, /^HTTP\/1\.1 200 /);
});

test("hostile requests end in an answer, and the relay lives on", async () => {
  const { port } = new URL(open.url);
  const hostile = [
    "GET /%00%ff HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET /v1beta/models/%E0%A4%A:generateContent HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    `GET /${"a".repeat(300_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
    "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]",
    "POST /v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 1\r\n\r\n{",
  ];
  for (const bytes of hostile) {
    await sendRaw(Number(port), bytes).catch((error: NodeJS.ErrnoException) =>
      assert.equal(error.code, "ECONNRESET"),
    );
  }
  assert.equal((await send(open.url, { path: "/health" })).status, 200);
});

test("a body in a transfer coding beside chunked goes nowhere", async () => {
  const before = upstream.requests.length;
  const raw = `POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`;
  assert.match(
    (await sendRaw(Number(new URL(open.url).port), raw)).toString(),
    /^HTTP\/1\.1 415 [\s\S]*unsupported_encoding/,
  );
  assert.equal(upstream.requests.length, before);
});

test("100 KB of headers and a 60 KB query are forwarded", async () => {
  const long = "v".repeat(100_000);
  const request = dialectCases[0]!.request({ stream: false, headers: ["X-Long", long] });
  const answer = await send(open.url, { ...request, path: `/v1/messages?q=${"q".repeat(60_000)}` });
  assert.equal(answer.status, 200);
  assert.equal(upstream.requests.at(-1)?.headers["x-long"], long);
});

test("what is turned away leaves a line in the log and a count, and no key in either", async (t) => {
  const { relay } = await setStage(t, {
    configure: (config) => ({
      ...config,
      apiKeys: [{ name: "laptop", key }],
      server: { ...config.server, maxBodyBytes: 1000 },
    }),
  });
  const { path, body } = dialectCases[0]!.request();
  const keyed = ["x-api-key", key];
  await send(relay.url, { path: `${path}?key=wrong-key-in-the-query`, body });
  await send(relay.url, { path: "/v1/nothing", headers: keyed });
  await send(relay.url, { path, headers: keyed, body: "x".repeat(2000) });
  await send(relay.url, { path, headers: [...keyed, "origin", "https://evil.example"], body });
  await send(relay.url, { path: "/v1/models", headers: keyed });
  const lines = relay.log.filter(({ message }) => message === "refused" || message === "request");
  assert.deepEqual(
    lines.map(({ message, fields }) => [message, fields.status, fields.error, fields.route]),
    [
      ["refused", 401, "invalid_key", "claude/generate"],
      ["refused", 404, "not_found", "/v1/…"],
      ["refused", 413, "body_too_large", "claude/generate"],
      ["refused", 403, "forbidden_origin", "/v1/messages"],
      ["request", 200, undefined, "claude/list-models"],
    ],
  );
  assert.doesNotMatch(JSON.stringify(lines), /wrong-key|relay-key/);
  const { text } = await send(relay.url, { path: "/metrics", headers: keyed });
  for (const { fields } of lines.slice(0, 4)) {
    assert.match(text, new RegExp(`^cc_relay_refused_requests_total\\{reason="${fields.error}"\\} 1$`, "m"));
  }
});
