import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readTokenAnswer } from "../../src/oauth/token-answer.ts";

const now = Date.parse("2026-11-22T12:00:00Z");

function read(status: number, body: unknown, retryAfter?: string) {
  return readTokenAnswer({ status, retryAfter }, typeof body === "string" ? body : JSON.stringify(body), now);
}

test("terminal and passing failures of the token endpoint are distinguished", () => {
  const table: [number, unknown, string][] = [
    [400, { error: "invalid_grant", error_description: "Refresh token not found or invalid" }, "revoked"],
    [400, { error: "invalid_grant", error_subtype: "invalid_rapt" }, "revoked"],
    [401, { error: { type: "invalid_grant", message: "gone" } }, "revoked"],
    [
      400,
      {
        type: "error",
        error: { type: "invalid_request_error", message: "Refresh token not found or invalid" },
      },
      "revoked",
    ],
    [400, { type: "error", error: { type: "invalid_request_error", message: "missing field" } }, "rejected"],
    [400, { error: "invalid_request" }, "rejected"],
    [401, { error: "invalid_client", error_description: "Unauthorized" }, "rejected"],
    [401, { error: "deleted_client", error_description: "The OAuth client was deleted." }, "rejected"],
    [400, { error: "invalid_scope" }, "rejected"],
    [400, { error: "unauthorized_client" }, "rejected"],
    [404, { type: "error", error: { type: "not_found_error", message: "Not found" } }, "rejected"],
    [404, "<html>not here</html>", "rejected"],
    [405, "", "rejected"],
    [429, { error: { type: "rate_limit_error", message: "slow" } }, "throttled"],
    [429, "<html>", "throttled"],
    [500, "oops", "temporary"],
    [502, "<html>Bad gateway</html>", "temporary"],
    [503, { error: "temporarily_unavailable" }, "temporary"],
    [529, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, "temporary"],
    [400, "<html>Cloudflare</html>", "temporary"],
    [403, "<html>Just a moment...</html>", "temporary"],
    [403, { error: { type: "forbidden", message: "Request not allowed" } }, "temporary"],
    [400, { error: "server_error" }, "temporary"],
    [408, "", "temporary"],
    [301, "", "temporary"],
    [200, "<html>welcome to the airport</html>", "temporary"],
    [200, "", "temporary"],
    [200, "[]", "temporary"],
    [200, { access_token: 5 }, "temporary"],
  ];
  for (const [status, body, kind] of table) {
    const answer = read(status, body);
    assert.ok(!answer.ok, JSON.stringify(body));
    assert.equal(answer.failure.kind, kind, `${status} ${JSON.stringify(body)}`);
  }
});

test("a pair is read, and a refresh token is kept whatever else the answer lacks", () => {
  const good = { token_type: "Bearer", access_token: "a", expires_in: 28800, refresh_token: "r" };
  const access = { token: "a", expiresInMs: 28_800_000 };
  const table: [unknown, unknown][] = [
    [good, { access, refreshToken: "r", owner: undefined }],
    [
      { ...good, refresh_token: undefined },
      { access, refreshToken: undefined, owner: undefined },
    ],
    [
      { ...good, refresh_token: "" },
      { access, refreshToken: undefined, owner: undefined },
    ],
    [
      { ...good, token_type: "bearer" },
      { access, refreshToken: "r", owner: undefined },
    ],
    [
      { ...good, token_type: undefined },
      { access, refreshToken: "r", owner: undefined },
    ],
    [
      { ...good, token_type: "mac" },
      { access: undefined, refreshToken: "r", owner: undefined },
    ],
    [
      { ...good, expires_in: undefined },
      { access: undefined, refreshToken: "r", owner: undefined },
    ],
    [
      { ...good, expires_in: -1 },
      { access: undefined, refreshToken: "r", owner: undefined },
    ],
    [
      { ...good, expires_in: "3599" },
      { access: { token: "a", expiresInMs: 3_599_000 }, refreshToken: "r", owner: undefined },
    ],
    ...[1e18, "1e308"].map((expires_in): [unknown, unknown] => [
      { ...good, expires_in },
      { access: { token: "a", expiresInMs: 315_360_000_000 }, refreshToken: "r", owner: undefined },
    ]),
    [
      { ...good, access_token: "a\r\nx: y" },
      { access: undefined, refreshToken: "r", owner: undefined },
    ],
    [
      { ...good, account: { email_address: "p@x" } },
      { access, refreshToken: "r", owner: "p@x" },
    ],
    [
      { ...good, id_token: `h.${Buffer.from('{"email":"g@x"}').toString("base64url")}.s` },
      { access, refreshToken: "r", owner: "g@x" },
    ],
    [
      { ...good, id_token: "rubbish" },
      { access, refreshToken: "r", owner: undefined },
    ],
  ];
  for (const [body, grant] of table)
    assert.deepEqual(read(200, body), { ok: true, grant }, JSON.stringify(body));
  assert.ok(read(200, `\ufeff${JSON.stringify(good)}`).ok);
});

test("retry-after is read as seconds and as a date", () => {
  const wait = (value: string | undefined) => {
    const answer = read(429, "", value);
    return answer.ok ? assert.fail() : answer.failure.retryAfterMs;
  };
  assert.equal(wait("30"), 30_000);
  assert.equal(wait("Sun, 22 Nov 2026 12:01:00 GMT"), 60_000);
  for (const value of [undefined, "soon", "-5", "Sun, 22 Nov 2026 11:00:00 GMT"])
    assert.equal(wait(value), undefined);
});

test("a failure is reported in the provider's words on one line, without secrets", () => {
  const answer = read(400, {
    error: "invalid_grant",
    error_description: `Token sk-ant-ort01-${"x".repeat(30)}\r\n\u001b[31mis gone.`,
  });
  assert.ok(!answer.ok);
  assert.equal(answer.failure.detail, "answered 400 (invalid_grant: Token sk-ant-*** [31mis gone)");
  const details = [undefined, "Bad Request", "reauth related error (invalid_rapt)"].map(
    (error_description) => {
      const policy = read(400, { error: "invalid_grant", error_description, error_subtype: "invalid_rapt" });
      return policy.ok || policy.failure.detail;
    },
  );
  assert.deepEqual(details, [
    "answered 400 (invalid_grant: invalid_rapt)",
    "answered 400 (invalid_grant: Bad Request, invalid_rapt)",
    "answered 400 (invalid_grant: reauth related error (invalid_rapt))",
  ]);
  const long = read(400, { error: "invalid_grant", error_description: "y".repeat(5000) });
  assert.ok(!long.ok && long.failure.detail.length < 260);
});

test("nothing a token endpoint says makes reading it throw", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 599 }),
      fc.oneof(fc.string(), fc.json()),
      fc.string(),
      (status, body, retryAfter) => {
        const answer = readTokenAnswer({ status, retryAfter }, body, now);
        assert.equal(typeof answer.ok, "boolean");
      },
    ),
  );
});
