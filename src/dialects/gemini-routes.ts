// The paths of the Gemini API and of Code Assist, with `/gemini` in front or without.

import type { Route } from "./dialect.ts";
import {
  collapseSlashes,
  findRoute,
  isKnownPath,
  methodEnding,
  modelMethods,
  type RouteRule,
} from "./routes.ts";

export function knowsGemini(path: string): boolean {
  return isKnownPath(rules, innerPath(path));
}

const modelPath = "/v1(?:beta|alpha)?/(?:models/|(?=tunedModels/))";

const rules: readonly RouteRule[] = [
  ...modelMethods.map(methodRule),
  { methods: ["GET"], pattern: /^\/v1(?:beta|alpha)?\/models$/, operation: "list-models" },
  {
    methods: ["GET"],
    pattern: new RegExp(`^${modelPath}(?<model>(?:tunedModels/)?(?!.*${methodEnding})[^/]+)$`),
    operation: "get-model",
  },
  { methods: ["POST"], pattern: /^\/v1internal:(?:g|streamG)enerateContent$/, operation: "generate" },
  { methods: ["POST"], pattern: /^\/v1internal:countTokens$/, operation: "count-tokens" },
  {
    methods: ["GET", "POST"],
    pattern: /^\/v1internal:(?!(?:generateContent|streamGenerateContent|countTokens)$)[A-Za-z]+$/,
    operation: "code-assist",
  },
  // Onboarding is an operation that the client asks after.
  { methods: ["GET"], pattern: /^\/v1internal\/operations\/[^/]+$/, operation: "code-assist" },
];

/** The method follows the last colon. */
function methodRule(method: (typeof modelMethods)[number]): RouteRule {
  return {
    methods: ["POST"],
    pattern: new RegExp(`^${modelPath}(?<model>(?:tunedModels/)?[^/]+)(?::|%3[Aa])${method}$`),
    operation: operationOf(method),
  };
}

function operationOf(method: (typeof modelMethods)[number]): RouteRule["operation"] {
  switch (method) {
    case "generateContent":
    case "streamGenerateContent":
      return "generate";
    case "countTokens":
      return "count-tokens";
    case "embedContent":
    case "batchEmbedContents":
      return "embed";
  }
}

export function matchGemini(method: string, path: string): Route | undefined {
  const inner = innerPath(path);
  const found = inner === undefined ? undefined : findRoute(rules, method, inner);
  if (inner === undefined || found === undefined) return undefined;
  return { dialect: "gemini", path: inner.replace(/%3[Aa](?=[A-Za-z]+$)/, ":"), ...found };
}

/**
 * Without `/gemini` only what no other API has: `/v1/models` and `/v1/models/M` are Claude's, `/v1/models/M:METHOD`, as
 * Google's newest SDKs ask for it, is not.
 */
function innerPath(path: string): string | undefined {
  const collapsed = collapseSlashes(path);
  if (collapsed.startsWith("/gemini/")) return collapsed.slice("/gemini".length);
  return ownAtRoot.test(collapsed) ? collapsed : undefined;
}

const ownAtRoot = new RegExp(
  `^/v1(?:(?:beta|alpha|internal)[/:]|/(?:models|tunedModels)/[^/]+${methodEnding})`,
);
