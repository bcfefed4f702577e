import assert from "node:assert/strict";
import { test } from "node:test";
import { claudeDialect } from "../../src/dialects/claude.ts";
import { geminiDialect } from "../../src/dialects/gemini.ts";
import { openaiDialect } from "../../src/dialects/openai.ts";
import { RelayError, type RelayErrorCode, relayErrors } from "../../src/domain/errors.ts";

const codes = Object.keys(relayErrors) as RelayErrorCode[];
const message = "All accounts are at their limit until 14:05; try again then.";

/** Status and the API's own name for it, for every code. */
const expected: Record<
  RelayErrorCode,
  { claude: [number, string]; gemini: [number, string]; openai: [number, string, string] }
> = {
  invalid_key: {
    claude: [401, "authentication_error"],
    gemini: [401, "UNAUTHENTICATED"],
    openai: [401, "invalid_request_error", "invalid_api_key"],
  },
  forbidden_origin: {
    claude: [403, "permission_error"],
    gemini: [403, "PERMISSION_DENIED"],
    openai: [403, "invalid_request_error", "forbidden_origin"],
  },
  forbidden_host: {
    claude: [403, "permission_error"],
    gemini: [403, "PERMISSION_DENIED"],
    openai: [403, "invalid_request_error", "forbidden_host"],
  },
  not_found: {
    claude: [404, "not_found_error"],
    gemini: [404, "NOT_FOUND"],
    openai: [404, "invalid_request_error", "not_found"],
  },
  unknown_account: {
    claude: [404, "not_found_error"],
    gemini: [404, "NOT_FOUND"],
    openai: [404, "invalid_request_error", "unknown_account"],
  },
  unknown_model: {
    claude: [404, "not_found_error"],
    gemini: [404, "NOT_FOUND"],
    openai: [404, "invalid_request_error", "model_not_found"],
  },
  binding_gone: {
    claude: [404, "not_found_error"],
    gemini: [404, "NOT_FOUND"],
    openai: [400, "invalid_request_error", "previous_response_not_found"],
  },
  method_not_allowed: {
    claude: [405, "invalid_request_error"],
    gemini: [405, "UNIMPLEMENTED"],
    openai: [405, "invalid_request_error", "method_not_allowed"],
  },
  body_timeout: {
    claude: [408, "invalid_request_error"],
    gemini: [408, "DEADLINE_EXCEEDED"],
    openai: [408, "invalid_request_error", "body_timeout"],
  },
  body_too_large: {
    claude: [413, "request_too_large"],
    gemini: [413, "INVALID_ARGUMENT"],
    openai: [413, "invalid_request_error", "body_too_large"],
  },
  invalid_request: {
    claude: [400, "invalid_request_error"],
    gemini: [400, "INVALID_ARGUMENT"],
    openai: [400, "invalid_request_error", "invalid_request"],
  },
  unsupported_encoding: {
    claude: [415, "invalid_request_error"],
    gemini: [415, "INVALID_ARGUMENT"],
    openai: [415, "invalid_request_error", "unsupported_encoding"],
  },
  upgrade_required: {
    claude: [426, "invalid_request_error"],
    gemini: [426, "FAILED_PRECONDITION"],
    openai: [426, "invalid_request_error", "upgrade_required"],
  },
  all_limited: {
    claude: [429, "rate_limit_error"],
    gemini: [429, "RESOURCE_EXHAUSTED"],
    openai: [429, "requests", "rate_limit_exceeded"],
  },
  account_in_cooldown: {
    claude: [429, "rate_limit_error"],
    gemini: [429, "RESOURCE_EXHAUSTED"],
    openai: [429, "requests", "rate_limit_exceeded"],
  },
  not_supported: {
    claude: [501, "not_supported"],
    gemini: [501, "UNIMPLEMENTED"],
    openai: [501, "server_error", "not_supported"],
  },
  upstream_unreachable: {
    claude: [502, "api_error"],
    gemini: [502, "UNAVAILABLE"],
    openai: [502, "server_error", "upstream_unreachable"],
  },
  upstream_truncated: {
    claude: [502, "api_error"],
    gemini: [502, "UNAVAILABLE"],
    openai: [502, "server_error", "upstream_truncated"],
  },
  upstream_invalid: {
    claude: [502, "api_error"],
    gemini: [502, "UNAVAILABLE"],
    openai: [502, "server_error", "upstream_invalid"],
  },
  edge_refused: {
    claude: [529, "overloaded_error"],
    gemini: [503, "UNAVAILABLE"],
    openai: [503, "server_error", "edge_refused"],
  },
  out_of_resources: {
    claude: [503, "api_error"],
    gemini: [503, "UNAVAILABLE"],
    openai: [503, "server_error", "out_of_resources"],
  },
  no_account: {
    claude: [503, "api_error"],
    gemini: [503, "UNAVAILABLE"],
    openai: [503, "server_error", "no_account"],
  },
  needs_login: {
    claude: [503, "api_error"],
    gemini: [503, "UNAVAILABLE"],
    openai: [503, "server_error", "needs_login"],
  },
  over_capacity: {
    claude: [529, "overloaded_error"],
    gemini: [503, "UNAVAILABLE"],
    openai: [503, "server_error", "over_capacity"],
  },
  memory_exhausted: {
    claude: [503, "api_error"],
    gemini: [503, "UNAVAILABLE"],
    openai: [503, "server_error", "memory_exhausted"],
  },
  draining: {
    claude: [503, "api_error"],
    gemini: [503, "UNAVAILABLE"],
    openai: [503, "server_error", "draining"],
  },
  upstream_timeout: {
    claude: [504, "api_error"],
    gemini: [504, "DEADLINE_EXCEEDED"],
    openai: [504, "server_error", "upstream_timeout"],
  },
  internal: {
    claude: [500, "api_error"],
    gemini: [500, "INTERNAL"],
    openai: [500, "server_error", "internal"],
  },
};

const params: Partial<Record<RelayErrorCode, string>> = {
  unknown_model: "model",
  binding_gone: "previous_response_id",
};
const now = Date.UTC(2026, 10, 22, 12, 0, 0, 500);
const hopeless: RelayErrorCode[] = ["invalid_key", "no_account", "needs_login", "not_supported"];
const limits: RelayErrorCode[] = ["all_limited", "account_in_cooldown"];

function headers(code: RelayErrorCode, contentType: string): string[] {
  const retry = hopeless.includes(code) ? ["x-should-retry", "false"] : [];
  return ["content-type", contentType, "x-cc-relay-error", code, ...retry];
}

test("Claude's clients get every error in Claude's envelope", () => {
  for (const code of codes) {
    const [status, type] = expected[code].claude;
    assert.deepEqual(claudeDialect.renderError(new RelayError(code, message), { now }), {
      status,
      headers: headers(code, "application/json"),
      body: JSON.stringify({ type: "error", error: { type, message } }),
    });
  }
});

test("Gemini's clients get every error in Google's form", () => {
  for (const code of codes) {
    const [status, name] = expected[code].gemini;
    const info = {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: "RATE_LIMIT_EXCEEDED",
      domain: "cc-relay",
    };
    // Gemini CLI repeats any other 503 for minutes; after more than five minutes it does not ask again.
    const anHour = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "3600s" };
    const isHopeless503 = status === 503 && hopeless.includes(code);
    const all = [...(limits.includes(code) ? [info] : []), ...(isHopeless503 ? [anHour] : [])];
    const details = all.length > 0 ? { details: all } : {};
    assert.deepEqual(geminiDialect.renderError(new RelayError(code, message), { now }), {
      status,
      headers: headers(code, "application/json; charset=UTF-8"),
      body: JSON.stringify({ error: { code: status, message, status: name, ...details } }),
    });
  }
});

test("OpenAI's clients get every error in OpenAI's form", () => {
  for (const code of codes) {
    const [status, type, name] = expected[code].openai;
    assert.deepEqual(openaiDialect.renderError(new RelayError(code, message), { now }), {
      status,
      headers: headers(code, "application/json"),
      body: JSON.stringify({ error: { message, type, param: params[code] ?? null, code: name } }),
    });
  }
});

test("a short wait is named without forbidding the retry, a long one forbids it", () => {
  const table: [number, string[]][] = [
    [0, ["retry-after", "0"]],
    [4.2, ["retry-after", "5"]],
    [60, ["retry-after", "60"]],
    [61, ["retry-after", "61", "x-should-retry", "false"]],
    [18_000, ["retry-after", "18000", "x-should-retry", "false"]],
    [-3, ["retry-after", "0"]],
  ];
  for (const [retryAfterSeconds, wanted] of table) {
    for (const dialect of [claudeDialect, geminiDialect, openaiDialect]) {
      const rendered = dialect.renderError(new RelayError("all_limited", message, { retryAfterSeconds }), {
        now,
      });
      assert.deepEqual(rendered.headers.slice(4), wanted, `${dialect.name} ${retryAfterSeconds}`);
    }
  }
});

test("what the relay says about retrying goes before what is implied", () => {
  const allowed = new RelayError("needs_login", message, { shouldRetry: true });
  const forbidden = new RelayError("all_limited", message, { shouldRetry: false, retryAfterSeconds: 5 });
  assert.deepEqual(claudeDialect.renderError(allowed, { now }).headers.slice(4), ["x-should-retry", "true"]);
  assert.deepEqual(claudeDialect.renderError(forbidden, { now }).headers.slice(4), [
    "retry-after",
    "5",
    "x-should-retry",
    "false",
  ]);
});

test("Gemini's wait is in the body, with the model that is limited", () => {
  const error = new RelayError("all_limited", message, { retryAfterSeconds: 33.2 });
  const rendered = geminiDialect.renderError(error, { now, streamForm: "sse", model: "gemini-2.5-pro" });
  assert.deepEqual(JSON.parse(rendered.body), {
    error: {
      code: 429,
      message,
      status: "RESOURCE_EXHAUSTED",
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "RATE_LIMIT_EXCEEDED",
          domain: "cc-relay",
          metadata: { model: "gemini-2.5-pro" },
        },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34s" },
      ],
    },
  });
});

test("an error of a JSON-array stream is in an array", () => {
  const rendered = geminiDialect.renderError(new RelayError("not_found", message), {
    now,
    streamForm: "json-array",
    model: undefined,
  });
  assert.deepEqual(JSON.parse(rendered.body), [{ error: { code: 404, message, status: "NOT_FOUND" } }]);
});

test("Codex waits out a short limit and stops at a long one, with its end", () => {
  const short = openaiDialect.renderError(new RelayError("all_limited", message, { retryAfterSeconds: 40 }), {
    now,
  });
  assert.deepEqual(JSON.parse(short.body), {
    error: { message, type: "requests", param: null, code: "rate_limit_exceeded" },
  });
  assert.ok(short.headers.includes("retry-after"));
  const long = openaiDialect.renderError(
    new RelayError("account_in_cooldown", message, { retryAfterSeconds: 7200 }),
    { now },
  );
  assert.deepEqual(JSON.parse(long.body), {
    error: {
      message,
      type: "usage_limit_reached",
      param: null,
      code: "rate_limit_exceeded",
      resets_at: Date.UTC(2026, 10, 22, 14, 0, 1) / 1000,
      resets_in_seconds: 7200,
    },
  });
});

test("OpenAI's form names the parameter at fault", () => {
  const error = new RelayError("invalid_request", message, { param: "tools[0].name" });
  assert.equal(JSON.parse(openaiDialect.renderError(error, { now }).body).error.param, "tools[0].name");
});
