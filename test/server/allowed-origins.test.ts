// Pages of server.allowed_origins: CORS on model routes alone, and the key is needed as ever.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { dialectCases } from "../relay/cases.ts";
import { type ClientAnswer, send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";

const key = "relay-key-1";
const origin = "app://obsidian.md";

function setUp(t: TestContext, apiKeys = [{ name: "laptop", key }]) {
  return setStage(t, {
    configure: (config) => ({
      ...config,
      apiKeys,
      server: { ...config.server, allowedOrigins: [origin], maxBodyBytes: 1000 },
    }),
  });
}

function corsOf({ rawHeaders }: ClientAnswer): Record<string, string> {
  const pairs = rawHeaders.flatMap((name, at) =>
    at % 2 === 0 ? [[name.toLowerCase(), rawHeaders[at + 1]!]] : [],
  );
  return Object.fromEntries(pairs.filter(([name]) => /^access-control-|^vary$/.test(name!)));
}

const expected = {
  "access-control-allow-origin": origin,
  "access-control-expose-headers": "*",
  vary: "Origin",
};

test("a preflight is answered 204 without a key, for private and local networks too", async (t) => {
  const { relay, upstream } = await setUp(t);
  const answer = await send(relay.url, {
    method: "OPTIONS",
    path: "/v1/messages",
    headers: [
      ...["Origin", origin, "Access-Control-Request-Method", "POST"],
      ...["Access-Control-Request-Headers", "authorization,content-type,x-stainless-os"],
      ...["Access-Control-Request-Private-Network", "true", "Access-Control-Request-Local-Network", "true"],
    ],
  });
  assert.equal(answer.status, 204);
  assert.deepEqual(corsOf(answer), {
    ...expected,
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-allow-headers": "authorization,content-type,x-stainless-os",
    "access-control-allow-private-network": "true",
    "access-control-allow-local-network": "true",
    "access-control-max-age": "600",
  });
  assert.equal(upstream.requests.length, 0);
});

test("answers, errors of the provider and of the relay carry the headers, and none allows credentials", async (t) => {
  const { relay, upstream } = await setUp(t);
  const request = dialectCases[0]!.request();
  const headers = [...(request.headers ?? []), "Origin", origin, "Sec-Fetch-Site", "cross-site"];
  const keyed = [...headers, "Authorization", `Bearer ${key}`];
  upstream.queue("key-of-first", { headers: { vary: "accept-encoding" } });
  const good = await send(relay.url, { ...request, headers: keyed });
  assert.equal(good.status, 200);
  assert.equal(good.header("access-control-allow-origin"), origin);
  assert.deepEqual(
    good.rawHeaders.flatMap((name, at) =>
      name.toLowerCase() === "vary" && at % 2 === 0 ? [good.rawHeaders[at + 1]] : [],
    ),
    ["accept-encoding", "Origin"],
  );
  const cases: [number, Promise<ClientAnswer>][] = [
    [401, send(relay.url, { ...request, headers })],
    [413, send(relay.url, { ...request, headers: keyed, body: "x".repeat(2000) })],
    [405, send(relay.url, { method: "PUT", path: "/v1/messages", headers: keyed })],
    [400, send(relay.url, { path: "/openai/v1/responses/a%20b", headers: keyed })],
  ];
  for (const [status, asked] of cases) {
    const answer = await asked;
    assert.equal(answer.status, status);
    assert.deepEqual(corsOf(answer), expected, String(status));
  }
});

test("what is no model route stays closed, with a key and in a preflight", async (t) => {
  const { relay } = await setUp(t);
  for (const path of ["/metrics", "/", "/health", "/status", "/nothing"]) {
    for (const method of ["GET", "OPTIONS"]) {
      const answer = await send(relay.url, {
        method,
        path,
        headers: ["Origin", origin, "x-api-key", key, "Access-Control-Request-Method", "GET"],
      });
      assert.equal(answer.status, 403, `${method} ${path}`);
      assert.deepEqual(corsOf(answer), {}, `${method} ${path}`);
    }
  }
});

test("without api_keys no origin is allowed", async (t) => {
  const { relay } = await setUp(t, []);
  const request = dialectCases[0]!.request();
  const headers = [...(request.headers ?? []), "Origin", origin];
  assert.equal((await send(relay.url, { ...request, headers })).status, 403);
});

test("a refused origin's 403 and its line in the log name the setting and the origin", async (t) => {
  const { relay } = await setUp(t);
  const other = "app://other.example";
  const answer = await send(relay.url, {
    ...dialectCases[0]!.request(),
    headers: ["Origin", other, "x-api-key", key],
  });
  assert.equal(answer.status, 403);
  assert.match(answer.text, /app:\/\/other\.example.*server\.allowed_origins/);
  const line = relay.log.find(({ message }) => message === "refused");
  assert.deepEqual(
    [line?.fields.error, line?.fields.origin, line?.fields.setting],
    ["forbidden_origin", other, "server.allowed_origins"],
  );
});
