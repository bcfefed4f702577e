// Reads the answer of a token endpoint. Pure: final and passing failures are distinguished here and nowhere else.

import { isObject, type JsonObject, objectField, parseErrorJson, stringField } from "../json/json-values.ts";
import { readRetryAfter } from "../network/retry-after.ts";
import { oneLine } from "./provider-text.ts";

export interface TokenAnswerHead {
  status: number;
  retryAfter: string | undefined;
}

/** A pair as the provider handed it out. */
export interface TokenGrant {
  /** Undefined when the answer's access token cannot be used: no `expires_in`, or a `token_type` other than Bearer. */
  access: { token: string; expiresInMs: number } | undefined;
  /** Undefined when the answer carries none: then the old one stays good (Google never rotates). */
  refreshToken: string | undefined;
  /** The person who logged in, where the answer says so: an address or a name for the account. */
  owner: string | undefined;
}

export interface TokenFailure {
  /**
   * `revoked`: the login is dead. `rejected`: our request is wrong, a person has to fix the configuration.
   * `throttled` and `temporary`: the same request may succeed later, the login is not in doubt.
   */
  kind: "revoked" | "rejected" | "throttled" | "temporary";
  /** A clause from the provider's own text, secrets removed; no full stop. */
  detail: string;
  /** From `retry-after`. */
  retryAfterMs?: number;
}

export type TokenAnswer = { ok: true; grant: TokenGrant } | { ok: false; failure: TokenFailure };

export function readTokenAnswer(head: TokenAnswerHead, body: string, now: number): TokenAnswer {
  const json = parseObject(body);
  if (head.status >= 200 && head.status < 300) {
    const grant = json && readGrant(json);
    return grant ? { ok: true, grant } : temporary(`answered ${head.status} with something that is no token`);
  }
  return { ok: false, failure: readFailure(head, json, now) };
}

/** Undefined when neither token is there. A refresh token is kept whatever else is wrong: the old one is spent by now. */
export function readGrant(json: JsonObject): TokenGrant | undefined {
  const refreshToken = stringField(json, "refresh_token");
  const access = readAccess(json);
  if (refreshToken === undefined && access === undefined) return undefined;
  return { access, refreshToken, owner: readOwner(json) };
}

export function parseObject(body: string): JsonObject | undefined {
  const value = parseErrorJson(body.replace(/^\ufeff/, ""));
  return isObject(value) ? value : undefined;
}

function readAccess(json: JsonObject): TokenGrant["access"] {
  const token = stringField(json, "access_token");
  const seconds = typeof json.expires_in === "string" ? Number(json.expires_in) : json.expires_in;
  if (token === undefined || typeof seconds !== "number" || !(seconds > 0) || !Number.isFinite(seconds)) {
    return undefined;
  }
  const type = json.token_type;
  if (type !== undefined && type !== null && !/^bearer$/i.test(String(type))) return undefined;
  // It goes into a header: a line break there would be a header of its own.
  if (!/^[\x21-\x7e]+$/.test(token)) return undefined;
  return { token, expiresInMs: Math.min(seconds, maxSeconds) * 1000 };
}

/** Ten years: more is a mistake of the endpoint's, and its end would be no date any more. */
const maxSeconds = 10 * 365 * 86_400;

/** Claude names the account, Google puts an identity token beside the others (its signature is TLS's). */
function readOwner(json: JsonObject): string | undefined {
  const account = stringField(objectField(json, "account"), "email_address");
  if (account !== undefined) return account;
  const claims = stringField(json, "id_token")?.split(".")[1];
  const identity = claims && parseObject(Buffer.from(claims, "base64url").toString("utf8"));
  return stringField(identity, "email");
}

function readFailure(head: TokenAnswerHead, json: JsonObject | undefined, now: number): TokenFailure {
  const { status } = head;
  const { code, text } = readError(json);
  const detail = describe(status, code, text);
  if (status === 429 || code === "rate_limit_error" || code === "slow_down") {
    return { kind: "throttled", detail, retryAfterMs: waitOf(head, now) };
  }
  if (status >= 500 || status === 408) {
    return { kind: "temporary", detail, retryAfterMs: waitOf(head, now) };
  }
  if (code !== undefined && isRevocation(code, text)) return { kind: "revoked", detail };
  if (code !== undefined && wrongRequest.has(code)) return { kind: "rejected", detail };
  // The old hosts of these endpoints answer 404; a login cannot be at fault for an address.
  if (status === 404 || status === 405) return { kind: "rejected", detail };
  // HTML of a firewall, redirects of a captive portal, codes nobody knows: never a reason to give a login up.
  return { kind: "temporary", detail };
}

/**
 * `error` is a string in OAuth's form (RFC 6749, section 5.2) and an object in Anthropic's envelope and Google's APIs.
 */
function readError(json: JsonObject | undefined): {
  code: string | undefined;
  text: string | undefined;
} {
  const error = objectField(json, "error");
  if (error) {
    return {
      code: stringField(error, "type") ?? stringField(error, "status"),
      text: stringField(error, "message"),
    };
  }
  const text = stringField(json, "error_description") ?? stringField(json, "message");
  // Only Google's subtype says that an administrator wants a new login now and then (`invalid_rapt`).
  const subtype = stringField(json, "error_subtype");
  const isNews = subtype !== undefined && text?.includes(subtype) !== true;
  return {
    code: stringField(json, "error"),
    text: isNews ? [text, subtype].filter(Boolean).join(", ") : text,
  };
}

/** Anthropic's envelope calls a spent token an invalid request; only the text says so. */
function isRevocation(code: string, text: string | undefined): boolean {
  if (code === "invalid_grant") return true;
  if (code !== "invalid_request_error" && code !== "authentication_error") return false;
  return /refresh token (not found|is invalid|has been revoked|has expired|expired|revoked|invalid)/i.test(
    text ?? "",
  );
}

const wrongRequest: ReadonlySet<string> = new Set([
  "invalid_client",
  // Google's own, of a client of one's own.
  "deleted_client",
  "disabled_client",
  "invalid_request",
  "invalid_scope",
  "unauthorized_client",
  "unsupported_grant_type",
  "invalid_request_error",
  "not_found_error",
]);

function describe(status: number, code: string | undefined, text: string | undefined): string {
  const words = text === undefined ? code : code === undefined ? text : `${code}: ${text}`;
  if (words === undefined) return `answered ${status}${status >= 300 && status < 400 ? ", a redirect" : ""}`;
  return `answered ${status} (${oneLine(words)})`;
}

function waitOf({ retryAfter }: TokenAnswerHead, now: number): number | undefined {
  const until = readRetryAfter({ "retry-after": retryAfter }, now);
  return until !== undefined && until > now ? until - now : undefined;
}

function temporary(detail: string): TokenAnswer {
  return { ok: false, failure: { kind: "temporary", detail } };
}
