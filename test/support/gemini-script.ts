// How the scripted upstream speaks the Gemini API and Code Assist (v1internal), and the quota errors that Google is known to send.

import {
  errorInfo,
  type GeminiErrorDetails,
  geminiChunks,
  geminiErrorBody,
  geminiModelEntry,
  geminiModelList,
  geminiResponse,
  quotaFailure,
  retryInfo,
} from "../../src/demo/provider/gemini.ts";
import type { Generation } from "../../src/demo/provider/generation.ts";
import type { TokenCounts } from "../../src/usage/observer.ts";
import { type Behaviour, numberField, objectField, type RecordedRequest, stringField } from "./behaviour.ts";
import { applyEvents, generationOf, type Script, type ScriptedAnswer } from "./script.ts";

export const geminiScript: Script = { answer, usageIn, isTerminal, isError };

export const geminiModels = ["gemini-2.5-pro", "gemini-2.5-flash", "gemini-embedding-001"];

/** The Google Cloud project that the upstream gives to a Code Assist token. */
export function codeAssistProject(credential: string): string {
  return `project-of-${credential}`;
}

function answer(
  request: RecordedRequest,
  behaviour: Behaviour,
  usage: TokenCounts,
): ScriptedAnswer | undefined {
  const internal = /^\/v1internal(?::|\/)(.+)$/.exec(request.path)?.[1];
  if (internal !== undefined) return codeAssist(internal, request, behaviour, usage);
  const base = {
    headers: { server: "scaffolding on HTTPServer2", vary: "Origin" },
    newline: "\r\n" as const,
  };
  const call = /^\/v1(?:beta|alpha)?\/((?:models|tunedModels)\/.+):([A-Za-z]+)$/.exec(request.path);
  if (request.method === "POST" && call !== null) {
    const model = decodeURIComponent(call[1] ?? "").replace(/^models\//, "");
    return publicCall(call[2] ?? "", { request, behaviour, usage, model });
  }
  if (request.method !== "GET") return undefined;
  if (/^\/v1(?:beta|alpha)?\/models$/.test(request.path)) {
    return { ...base, form: "json", document: geminiModelList(geminiModels), billed: false };
  }
  const single = /^\/v1(?:beta|alpha)?\/models\/(.+)$/.exec(request.path)?.[1];
  if (single === undefined) return undefined;
  if (geminiModels.includes(single))
    return { ...base, form: "json", document: geminiModelEntry(single), billed: false };
  return { ...base, form: "json", document: geminiErrorBody(404), billed: false, status: 404 };
}

interface Asked {
  request: RecordedRequest;
  behaviour: Behaviour;
  usage: TokenCounts;
  model: string;
}

function generate({ request, ...asked }: Asked): Generation {
  return generationOf({ ...asked, id: `response-${request.index}` });
}

function publicCall(action: string, asked: Asked): ScriptedAnswer | undefined {
  const { request, behaviour } = asked;
  const base = {
    headers: { server: "scaffolding on HTTPServer2", vary: "Origin" },
    newline: "\r\n" as const,
  };
  switch (action) {
    case "generateContent":
      return { ...base, form: "json", document: geminiResponse(generate(asked)), billed: true };
    case "streamGenerateContent": {
      const alt = request.query.get("alt") ?? request.query.get("$alt");
      const chunks = [...geminiChunks(generate(asked))].map((data) => ({ data }));
      const events = applyEvents(behaviour, chunks, { nameOf: () => undefined });
      return { ...base, form: alt === "sse" ? "sse" : "json-array", events, billed: true };
    }
    case "countTokens": {
      const total = Math.ceil(request.body.length / 4);
      const details = [{ modality: "TEXT", tokenCount: total }];
      return {
        ...base,
        form: "json",
        document: { totalTokens: total, promptTokensDetails: details },
        billed: false,
      };
    }
    case "embedContent":
      return {
        ...base,
        form: "json",
        document: { embedding: { values: [0.25, -0.5, 0.125] } },
        billed: true,
      };
    case "batchEmbedContents": {
      const requests = objectField(request.json, "requests");
      const count = Array.isArray(requests) ? requests.length : 0;
      const embeddings = Array.from({ length: count }, (_, index) => ({ values: [index, 0.5] }));
      return { ...base, form: "json", document: { embeddings }, billed: true };
    }
    default:
      return undefined;
  }
}

function codeAssist(
  method: string,
  request: RecordedRequest,
  behaviour: Behaviour,
  usage: TokenCounts,
): ScriptedAnswer | undefined {
  const base = { headers: { server: "ESF", vary: "Origin" }, newline: "\n" as const };
  const project = codeAssistProject(request.credential);
  const model = stringField(request.json, "model") ?? "gemini-2.5-pro";
  const generation = generate({ request, behaviour, usage, model });
  const document = (value: unknown): ScriptedAnswer => ({
    ...base,
    form: "json",
    document: value,
    billed: false,
  });
  switch (method) {
    case "loadCodeAssist":
      return document({
        currentTier: {
          id: "standard-tier",
          name: "Gemini Code Assist",
          userDefinedCloudaicompanionProject: false,
        },
        allowedTiers: [{ id: "standard-tier", isDefault: true }],
        cloudaicompanionProject: project,
      });
    case "onboardUser":
      return document({
        name: "operations/onboard-1",
        done: true,
        response: { cloudaicompanionProject: { id: project, name: project } },
      });
    case "operations/onboard-1":
      return document({ done: true, response: { cloudaicompanionProject: { id: project, name: project } } });
    case "generateContent": {
      const envelope = { response: geminiResponse(generation), traceId: `trace-${request.index}` };
      return { ...base, form: "json", document: envelope, billed: true };
    }
    case "streamGenerateContent": {
      const envelopes = [...geminiChunks(generation)].map((response) => ({
        data: { response, traceId: `trace-${request.index}` },
      }));
      const events = applyEvents(behaviour, envelopes, { nameOf: () => undefined });
      return { ...base, form: "sse", events, billed: true };
    }
    case "countTokens":
      return document({ totalTokens: Math.ceil(request.body.length / 4) });
    case "retrieveUserQuota":
      return document({
        buckets: [{ modelId: "gemini-2.5-pro", remainingFraction: 0.75, resetTime: "2026-11-23T08:00:00Z" }],
      });
    case "listExperiments":
      return document({ experimentIds: [], flags: [] });
    case "fetchAdminControls":
    case "recordCodeAssistMetrics":
    case "getCodeAssistGlobalUserSetting":
    case "setCodeAssistGlobalUserSetting":
      return document({});
    default:
      return undefined;
  }
}

function usageIn(data: unknown): Partial<TokenCounts> | undefined {
  const usage =
    objectField(data, "usageMetadata") ?? objectField(objectField(data, "response"), "usageMetadata");
  if (usage === undefined) return undefined;
  const prompt = numberField(usage, "promptTokenCount");
  const cached = numberField(usage, "cachedContentTokenCount") ?? 0;
  const visible = numberField(usage, "candidatesTokenCount");
  const thoughts = numberField(usage, "thoughtsTokenCount");
  return {
    input:
      prompt === undefined
        ? undefined
        : prompt - cached + (numberField(usage, "toolUsePromptTokenCount") ?? 0),
    cacheRead: numberField(usage, "cachedContentTokenCount"),
    output: visible === undefined && thoughts === undefined ? undefined : (visible ?? 0) + (thoughts ?? 0),
    reasoning: thoughts,
  };
}

function isTerminal(data: unknown): boolean {
  const response = objectField(data, "response") ?? data;
  const candidates = objectField(response, "candidates");
  if (Array.isArray(candidates))
    return candidates.some((each) => stringField(each, "finishReason") !== undefined);
  return (
    objectField(response, "embedding") !== undefined || objectField(response, "embeddings") !== undefined
  );
}

function isError(data: unknown): boolean {
  return objectField(data, "error") !== undefined;
}

/** An error answer in Google's form. A JSON-array stream gets it inside an array by itself. */
export function geminiError(code: number, details: GeminiErrorDetails = {}): Behaviour {
  return { status: code, body: geminiErrorBody(code, details) };
}

export const geminiFailures = {
  perMinute: (delay = "34.074824224s"): Behaviour =>
    geminiError(429, {
      message: `You exceeded your current quota. Please retry in ${delay}.`,
      details: [quotaFailure("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), retryInfo(delay)],
    }),
  perDay: (): Behaviour =>
    geminiError(429, {
      message: "You exceeded your current quota, please check your plan and billing details.",
      details: [quotaFailure("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), retryInfo("12s")],
    }),
  noQuotaAtAll: (): Behaviour =>
    geminiError(429, {
      message:
        "Quota exceeded for metric: generate_content_free_tier_requests, limit: 0, model: gemini-2.5-pro",
      details: [quotaFailure("GenerateRequestsPerDayPerProjectPerModel-FreeTier")],
    }),
  capacity: (): Behaviour =>
    geminiError(429, {
      message: "No capacity available for model gemini-2.5-pro",
      details: [errorInfo("MODEL_CAPACITY_EXHAUSTED", "cloudcode-pa.googleapis.com")],
    }),
  codeAssistLimited: (delay = "20s"): Behaviour =>
    geminiError(429, {
      message: "You have exhausted your capacity on this model.",
      details: [errorInfo("RATE_LIMIT_EXCEEDED", "cloudcode-pa.googleapis.com"), retryInfo(delay)],
    }),
  codeAssistExhausted: (delay = "7200s"): Behaviour =>
    geminiError(429, {
      message: "You have exhausted your capacity on this model. Your quota will reset after 2h.",
      details: [errorInfo("QUOTA_EXHAUSTED", "cloudcode-pa.googleapis.com"), retryInfo(delay)],
    }),
  overloaded: (): Behaviour =>
    geminiError(503, { message: "The model is overloaded. Please try again later." }),
  serverError: (): Behaviour => geminiError(500, { message: "An internal error has occurred." }),
  keyInvalid: (): Behaviour =>
    geminiError(400, {
      message: "API key not valid. Please pass a valid API key.",
      details: [errorInfo("API_KEY_INVALID")],
    }),
  unauthenticated: (): Behaviour =>
    geminiError(401, { message: "Request had invalid authentication credentials.", details: [] }),
  suspended: (): Behaviour =>
    geminiError(403, { message: "Consumer has been suspended.", details: [errorInfo("CONSUMER_SUSPENDED")] }),
  modelDenied: (): Behaviour => geminiError(403, { message: "The caller does not have permission" }),
  modelMissing: (): Behaviour =>
    geminiError(404, { message: "models/nope is not found for API version v1beta." }),
  invalidRequest: (): Behaviour => geminiError(400, { message: "Invalid JSON payload received." }),
} as const;
