// Which refusals blame an account: only known words about the standing of its credential.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Failure } from "../../src/domain/failure.ts";
import { readClaudeFailure } from "../../src/upstreams/claude-failures.ts";
import { readGeminiFailure } from "../../src/upstreams/gemini-failures.ts";
import { readOpenaiFailure } from "../../src/upstreams/openai-failures.ts";
import { geminiCall, headOf, makeCall, now, openaiCall } from "./make-call.ts";

type Provider = "claude" | "gemini" | "openai";

function read(
  provider: Provider,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): Failure {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const head = headOf(status, headers);
  if (provider === "claude") return readClaudeFailure(head, bytes, makeCall(), now);
  if (provider === "gemini") return readGeminiFailure(head, bytes, geminiCall(), now);
  return readOpenaiFailure(head, bytes, openaiCall(), now);
}

function errorOf(provider: Provider, status: number, message: string): unknown {
  if (provider === "claude") {
    const type = status === 401 ? "authentication_error" : "permission_error";
    return { type: "error", error: { type, message }, request_id: "req_1" };
  }
  if (provider === "gemini") return { error: { code: status, status: "PERMISSION_DENIED", message } };
  return { error: { message, type: "invalid_request_error", param: null, code: null } };
}

describe("a refusal that nothing known explains blames nobody", () => {
  const messages = [
    "Web search is not enabled for this organization. An administrator can enable it.",
    "web search is not enabled for this organization",
    "Code execution is not available on your plan.",
    "Your organization does not have access to the web search tool with this model.",
    "This API key is not allowed to use the files API.",
    "You have insufficient permissions for this operation. Missing scopes: model.request.",
    "Your organization has been blocked from using computer use.",
    "Invalid token in the definition of tool 3.",
    'The MCP server said: "Invalid API key provided"',
    "The caller does not have permission",
    "Something new",
    "Your account is disabled for computer use",
    "Your organization is disabled for batch processing",
    "This organization has been disabled for computer use.",
    "Your organization does not have access to this model's computer use feature",
    "Your organization does not have access to the model selection tool",
    "User content holds a driver's license number, which may not be sent.",
    "Payment tool function is not ready",
    "",
  ];
  for (const provider of ["claude", "gemini", "openai"] as const) {
    for (const message of messages) {
      it(`${provider} 403 ${JSON.stringify(message)}`, () => {
        assert.equal(read(provider, 403, errorOf(provider, 403, message)).kind, "unexplained-refusal");
      });
    }
    it(`${provider} 401 about missing scopes, or without a body`, () => {
      const scopes = errorOf(
        provider,
        401,
        "You have insufficient permissions for this operation. Missing scopes: api.responses.write.",
      );
      assert.equal(read(provider, 401, scopes).kind, "unexplained-refusal");
      assert.equal(read(provider, 401, "").kind, "unexplained-refusal");
    });
  }
});

describe("known words about the credential of any host blame it", () => {
  const rows: [string, Failure["kind"]][] = [
    ["Invalid API key", "unauthorized"],
    ["Incorrect API key provided: sk-x.", "unauthorized"],
    ["Invalid Authentication", "unauthorized"],
    ["Authentication Fails (no such user)", "unauthorized"],
    ["Authentication Error, Invalid proxy server token passed", "unauthorized"],
    ["token expired or incorrect", "unauthorized"],
    ["Your API key has expired", "unauthorized"],
    ["This API key has been disabled.", "unauthorized"],
    ["Unauthorized", "unauthorized"],
    ["No auth credentials found", "unauthorized"],
    ["Your account has been suspended due to overdue bills.", "account-out"],
    ["This organization has been disabled.", "account-out"],
    ["Your organization has been disabled for violating the usage policy.", "account-out"],
    ["Insufficient balance", "account-out"],
    ["You do not have access to the model glm-5.2", "model-denied"],
  ];
  for (const provider of ["claude", "gemini", "openai"] as const) {
    for (const [message, kind] of rows) {
      it(`${provider} "${message}"`, () => {
        assert.equal(read(provider, 403, errorOf(provider, 403, message)).kind, kind);
      });
    }
  }
});

describe("the sentence of a Gemini 400 is about the request, apart from what is known of keys and billing", () => {
  const rows: [string, string, Failure["kind"]][] = [
    ["INVALID_ARGUMENT", "User content holds a driver's license number, which may not be sent.", "rejected"],
    ["INVALID_ARGUMENT", "User does not have a license in the document.", "rejected"],
    ["INVALID_ARGUMENT", "Your account is disabled, says the tool.", "rejected"],
    ["FAILED_PRECONDITION", "Payment tool function is not ready", "rejected"],
    ["FAILED_PRECONDITION", "The File billing.pdf is not in an ACTIVE state.", "rejected"],
    ["FAILED_PRECONDITION", "This API method requires billing to be enabled.", "account-out"],
    ["FAILED_PRECONDITION", "Billing is not enabled for this project.", "account-out"],
    ["FAILED_PRECONDITION", "User location is not supported for the API use.", "account-out"],
  ];
  for (const [status, message, kind] of rows) {
    it(`${status} "${message}"`, () => {
      assert.equal(read("gemini", 400, { error: { code: 400, status, message } }).kind, kind);
    });
  }
  it("a licence that is missing is the account's at 403", () => {
    const message = "User does not have a valid Gemini Code Assist license.";
    assert.equal(read("gemini", 403, errorOf("gemini", 403, message)).kind, "account-out");
  });
});

describe("a web page with a 5xx says that the API is out of reach", () => {
  const html = { "content-type": "text/html; charset=UTF-8" };
  const rows: [number, string, Record<string, string>, boolean][] = [
    [530, "<!DOCTYPE html><title>Error 1033</title>", html, true],
    [530, "error code: 1033", { "content-type": "text/plain" }, true],
    [502, "error code: 502", { "content-type": "text/plain" }, true],
    [502, "<!DOCTYPE html><title>502: Bad gateway</title>", html, true],
    [520, '<?xml version="1.0"?><html></html>', {}, true],
    [522, "<!-- edge --><html></html>", {}, true],
    [527, "<head><title>no</title></head>", {}, true],
    [502, '{"error":{"message":"no"}}', { "content-type": "application/json" }, false],
    [500, "plain text", {}, false],
  ];
  for (const provider of ["claude", "gemini", "openai"] as const) {
    for (const [status, body, headers, isOfEdge] of rows) {
      it(`${provider} ${status} ${body}`, () => {
        const failure = read(provider, status, body, headers);
        assert.equal(failure.kind, "server-error");
        assert.equal("isOfEdge" in failure && failure.isOfEdge, isOfEdge);
      });
    }
    it(`${provider} 529 with a page is a refusal of the edge`, () => {
      assert.equal(
        read(provider, 529, "<!DOCTYPE html><title>Overloaded</title>", html).kind,
        "edge-refused",
      );
    });
  }
});

describe("a firewall's page is no refusal of the account", () => {
  const page =
    "<!DOCTYPE html><title>Attention Required! | Cloudflare</title><p>Ray ID: <strong>8f1a2b3c4d5e6f70</strong>";
  const html = { "content-type": "text/html; charset=UTF-8" };
  const rows: [string, number, string | object, Record<string, string>, string | undefined][] = [
    [
      "a page with its ray in the header",
      403,
      page,
      { ...html, "cf-ray": "9a1b2c3d4e5f6a7b-FRA" },
      "9a1b2c3d4e5f6a7b-FRA",
    ],
    ["a page with its ray in the text", 403, page, html, "8f1a2b3c4d5e6f70"],
    ["a page of 503", 503, page, html, "8f1a2b3c4d5e6f70"],
    ["a page without a content-type", 403, "<html>no</html>", {}, undefined],
    [
      "one line",
      403,
      "error code: 1020",
      { "content-type": "text/plain", "cf-ray": "9a1b2c3d4e5f6a7b-FRA" },
      "9a1b2c3d4e5f6a7b-FRA",
    ],
    ["a challenge", 403, "", { "cf-mitigated": "challenge" }, undefined],
    [
      "problem+json",
      403,
      { cloudflare_error: true, error_code: 1010, ray_id: "9a1b2c3d4e5f6a7b" },
      { "content-type": "application/problem+json" },
      "9a1b2c3d4e5f6a7b",
    ],
  ];
  for (const provider of ["claude", "gemini", "openai"] as const) {
    for (const [title, status, body, headers, ray] of rows) {
      it(`${provider}: ${title}`, () => {
        const failure = read(provider, status, body, headers);
        assert.equal(failure.kind, "edge-refused");
        assert.equal("ray" in failure && failure.ray, ray);
      });
    }
  }
});

it("a code that names a member of every object is no status and no unit", () => {
  for (const type of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
    for (const provider of ["claude", "gemini", "openai"] as const) {
      const failure = read(provider, 400, {
        error: { type, code: type, status: type, message: `try again in 5 ${type}` },
      });
      assert.equal(failure.kind, "rejected");
    }
  }
});
