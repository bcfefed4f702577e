// Reads Google's error envelope, `{"error":{code,message,status,details}}`, as the Gemini API and Code Assist send it.

import {
  isObject,
  listField,
  numberField,
  objectField,
  parseErrorJson,
  stringField,
} from "../json/json-values.ts";
import { firstWords } from "./reason.ts";
import { parseDuration, parseInstant } from "./times.ts";

export interface GoogleError {
  code: number | undefined;
  /** `RESOURCE_EXHAUSTED` and the like; "" when there is none. */
  status: string;
  message: string;
  /** Of google.rpc.ErrorInfo. */
  reasons: readonly string[];
  /** Ids of the quotas that were hit: google.rpc.QuotaFailure, and ErrorInfo's `quota_limit`. */
  quotaIds: readonly string[];
  /** A quota whose value is 0: the account has none of it at all. */
  hasZeroQuota: boolean;
  /** Whether the error says that it is about one model. */
  namesModel: boolean;
  /** google.rpc.RetryInfo. */
  retryDelayMs: number | undefined;
  /** Code Assist's own figures of when the quota is refreshed. */
  resetsAt: number | undefined;
  resetDelayMs: number | undefined;
  /** Where the user can lift the hindrance. */
  link: string | undefined;
  hasDetails: boolean;
}

/** Undefined when the body holds no such error. An array's elements are looked through: JSON-array streams fail so. */
export function readGoogleError(body: unknown): GoogleError | undefined {
  const holder = Array.isArray(body) ? body.find((one) => objectField(one, "error")) : body;
  let error = objectField(holder, "error");
  if (error === undefined) return undefined;
  // SDKs and gateways wrap one error as the text of another; Gemini CLI unwraps them too.
  for (let depth = 0; depth < 3; depth++) {
    const inner = objectField(parseLoosely(stringField(error, "message")), "error");
    if (inner === undefined) break;
    error = { ...error, ...inner };
  }
  return describe(error);
}

function describe(error: Record<string, unknown>): GoogleError {
  const details = listField(error, "details").filter(isObject);
  const ofType = (name: string) => details.filter((one) => stringField(one, "@type")?.endsWith(`.${name}`));
  const infos = ofType("ErrorInfo");
  const metadata = (name: string) =>
    infos
      .map((info) => stringField(objectField(info, "metadata"), name))
      .find((value) => value !== undefined);
  const violations = ofType("QuotaFailure").flatMap((failure) => listField(failure, "violations"));
  const message = firstWords(stringField(error, "message") ?? "");
  const quotaIds = [...violations.map((one) => stringField(one, "quotaId")), metadata("quota_limit")];
  const help = ofType("Help").flatMap((one) => listField(one, "links"));
  return {
    code: numberField(error, "code"),
    status: stringField(error, "status") ?? "",
    message,
    reasons: infos.flatMap((info) => stringField(info, "reason") ?? []),
    quotaIds: quotaIds.filter((id) => id !== undefined),
    hasZeroQuota: /\blimit: 0(?![\d.])/.test(message) || violations.some((one) => readValue(one) === 0),
    namesModel:
      metadata("model") !== undefined ||
      violations.some((one) => stringField(objectField(one, "quotaDimensions"), "model") !== undefined) ||
      quotaIds.some((id) => id?.includes("PerModel")) ||
      /\bmodel\b/i.test(message),
    retryDelayMs: maxOf(ofType("RetryInfo").map((one) => parseDuration(stringField(one, "retryDelay")))),
    resetsAt: parseInstant(metadata("quotaResetTimeStamp")),
    resetDelayMs: parseDuration(metadata("quotaResetDelay")),
    link:
      metadata("validation_link") ??
      help.map((one) => stringField(one, "url")).find((url) => url !== undefined),
    hasDetails: infos.length > 0 || violations.length > 0 || ofType("RetryInfo").length > 0,
  };
}

/** 64-bit figures are strings in protobuf's JSON. */
function readValue(violation: unknown): number | undefined {
  const value = stringField(violation, "quotaValue");
  return value === undefined ? numberField(violation, "quotaValue") : Number(value);
}

function maxOf(delays: readonly (number | undefined)[]): number | undefined {
  const known = delays.filter((delay) => delay !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}

/** Errors wrapped as text were seen with commas that JSON does not allow. */
function parseLoosely(text: string | undefined): unknown {
  if (text === undefined || !/^\s*[{[]/.test(text)) return undefined;
  const value = parseErrorJson(text) ?? parseErrorJson(text.replace(/,(\s*[}\]])/g, "$1"));
  return Array.isArray(value) ? value[0] : value;
}
