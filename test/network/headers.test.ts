import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  forwardResponseHeaders,
  splitRequestHeaders,
  stripKeyParameter,
  stripRelayKeys,
} from "../../src/network/headers.ts";

const split = (pairs: readonly string[]) => splitRequestHeaders(pairs, (value) => value === "relay-key-1");

test("request headers keep their order, case and repetitions, less those of the hop, the relay and the credential", () => {
  const { forward, credential, acceptEncoding } = split([
    ...[
      "Host",
      "127.0.0.1:3000",
      "User-Agent",
      "claude-cli/2.1",
      "X-Api-Key",
      "relay-key",
      "Anthropic-Beta",
      "a",
    ],
    ...["anthropic-beta", "b", "Connection", "keep-alive, X-Hop", "X-Hop", "1", "Keep-Alive", "timeout=5"],
    ...["TE", "trailers", "Transfer-Encoding", "chunked", "Content-Length", "12", "Expect", "100-continue"],
    ...["Proxy-Authorization", "Basic x", "Proxy-Connection", "keep-alive", "Upgrade", "h2c", "Trailer", "x"],
    ...[
      "Authorization",
      "Bearer t",
      "x-goog-api-key",
      "g",
      "ChatGPT-Account-ID",
      "acc",
      "OpenAI-Organization",
      "o",
    ],
    ...[
      "Accept-Encoding",
      "gzip",
      "accept-encoding",
      "br",
      "X-CC-Relay-Account",
      "claude-1",
      "Cookie",
      "a=1",
    ],
    ...["X-Unknown", "gr\u00fc\u00df", "Content-Encoding", "zstd"],
  ]);
  assert.deepEqual(forward, [
    ...["User-Agent", "claude-cli/2.1", "Anthropic-Beta", "a", "anthropic-beta", "b"],
    ...["X-Unknown", "gr\u00fc\u00df", "Content-Encoding", "zstd"],
  ]);
  assert.deepEqual(credential, [
    ...["X-Api-Key", "relay-key", "Authorization", "Bearer t", "x-goog-api-key", "g"],
    ...["ChatGPT-Account-ID", "acc", "OpenAI-Organization", "o"],
  ]);
  assert.equal(acceptEncoding, "gzip, br");
  assert.equal(split([]).acceptEncoding, undefined);
});

test("a Connection header cannot push a credential through to the provider", () => {
  const { forward, credential } = split(["Connection", "authorization", "Authorization", "Bearer t"]);
  assert.deepEqual(forward, []);
  assert.deepEqual(credential, ["Authorization", "Bearer t"]);
});

test("a header value that no HTTP library writes is left out instead of failing the message", () => {
  const hostile = ["X-A", "a\r\nX-Injected: 1", "X-B", "snow\u2603", "X-C", "nul\u0000", "X-D", "tab\tok"];
  assert.deepEqual(split(hostile).forward, ["X-D", "tab\tok"]);
  assert.deepEqual(forwardResponseHeaders([...hostile, "bad name", "x"], { bodyUnchanged: true }), [
    "X-D",
    "tab\tok",
  ]);
});

test("what only this relay may say of itself does not come from a provider", () => {
  const raw = [
    ...["Access-Control-Allow-Origin", "*", "access-control-expose-headers", "request-id"],
    ...["X-CC-Relay-Account", "another", "x-cc-relay-error", "all_limited", "Request-Id", "req_1"],
  ];
  assert.deepEqual(forwardResponseHeaders(raw, { bodyUnchanged: true }), ["Request-Id", "req_1"]);
});

test("response headers come from undici's raw form unchanged, less those of the hop and those the caller drops", () => {
  const raw = [
    "Content-Type",
    "text/event-stream",
    "Connection",
    "close, x-hop",
    "X-Hop",
    "1",
    "Set-Cookie",
    "a=1",
  ];
  const more = [
    "set-cookie",
    "b=2",
    "Content-Length",
    "10",
    "Transfer-Encoding",
    "chunked",
    "Keep-Alive",
    "timeout=5",
  ];
  const limits = [
    "Anthropic-RateLimit-Status",
    "allowed",
    "X-Name",
    "caf\u00e9",
    "Proxy-Authenticate",
    "Basic",
  ];
  const buffers = [...raw, ...more, ...limits].map((part) => Buffer.from(part, "latin1"));
  const drop = (name: string) => name.startsWith("anthropic-ratelimit-");
  const kept = ["Content-Type", "text/event-stream", "Set-Cookie", "a=1", "set-cookie", "b=2"];
  assert.deepEqual(forwardResponseHeaders(buffers, { bodyUnchanged: true, drop }), [
    ...kept,
    ...["Content-Length", "10", "X-Name", "caf\u00e9"],
  ]);
  assert.deepEqual(forwardResponseHeaders(buffers, { bodyUnchanged: false, drop }), [
    ...kept,
    "X-Name",
    "caf\u00e9",
  ]);
});

test("key= leaves the query and everything else stays byte for byte", () => {
  const table: [string, string][] = [
    ["", ""],
    ["?beta=true", "?beta=true"],
    ["?key=abc", ""],
    ["?alt=sse&key=a%2Bb&x=%7e&&y", "?alt=sse&x=%7e&&y"],
    ["?%6Bey=abc&alt=sse", "?alt=sse"],
    ["?key=a&key=b", ""],
    ["?key", ""],
    ["?apikey=1&keys=2&KEY=3&x=key=4", "?apikey=1&keys=2&KEY=3&x=key=4"],
    ["?key=%zz", ""],
    ["?%zz=1", "?%zz=1"],
  ];
  for (const [query, stripped] of table) {
    assert.equal(stripKeyParameter(query), stripped, query);
  }
});

test("whatever the query, no key is left in it and parameters of other names survive in order", () => {
  const parameter = fc
    .tuple(fc.constantFrom("key", "alt", "k%65y", "x"), fc.string())
    .map(([n, v]) => `${n}=${encodeURIComponent(v.toWellFormed())}`);
  fc.assert(
    fc.property(fc.array(parameter), (parameters) => {
      const others = parameters.filter((p) => /^(alt|x)=/.test(p));
      const expected =
        others.length === parameters.length && parameters.length > 0
          ? `?${parameters.join("&")}`
          : others.length
            ? `?${others.join("&")}`
            : "";
      assert.equal(stripKeyParameter(parameters.length ? `?${parameters.join("&")}` : ""), expected);
    }),
  );
});

test("a key of the relay's own leaves every header and parameter that it is the whole value of", () => {
  const { forward, credential } = split([
    ...["api-key", "relay-key-1", "X-Custom", "relay-key-1", "X-Text", "not relay-key-1 alone"],
    ...["Authorization", "Bearer client-login", "x-api-key", "relay-key-1"],
  ]);
  assert.deepEqual(forward, ["X-Text", "not relay-key-1 alone"]);
  assert.deepEqual(credential, ["Authorization", "Bearer client-login"]);
  const strip = (query: string) => stripRelayKeys(query, (value) => value === "relay-key-1");
  assert.equal(strip("?api_key=relay-key-1&alt=sse&key=relay%2Dkey-1"), "?alt=sse");
  assert.equal(strip("?relay-key-1"), "");
  assert.equal(strip("?q=relay-key-12&%20=a+b"), "?q=relay-key-12&%20=a+b");
});
