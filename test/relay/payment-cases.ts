// The ways in which people pay beside keys and logins that the relay holds: the client's own login, setup tokens, compatible hosts. The
// shared suite runs over each of these too.

import { claudeFailures } from "../support/claude-script.ts";
import { deepSeekUnpaid, glmLimit } from "../support/compatible-script.ts";
import { ownLogins } from "../support/own-logins.ts";
import { cases, type DialectCase, without } from "./cases.ts";

/** The first account is the login that every request carries, the second one is as in the case. */
function withOwnLogin(dialect: DialectCase, { kept = [], ...own }: OwnCase): DialectCase {
  return {
    ...dialect,
    ...own,
    isNative: true,
    request: (options = {}) =>
      dialect.request({ ...options, headers: [...own.own, ...(options.headers ?? [])] }),
    keyHeaders: (key) => ["x-cc-relay-key", key],
    failsOver: without(dialect.failsOver, ...kept),
  };
}

interface OwnCase extends Pick<DialectCase, "name" | "hasAnswersOf"> {
  own: readonly string[];
  /** Failures that only the client can settle. */
  kept?: readonly string[];
}

const ownClaude = withOwnLogin(cases.claude, {
  name: "Claude Messages on the client's own login",
  hasAnswersOf: cases.claude.name,
  own: ownLogins.claude,
  kept: ["401"],
});

const ownChatGpt = withOwnLogin(cases.openai, {
  name: "OpenAI Responses on the client's own ChatGPT login",
  hasAnswersOf: cases.openai.name,
  own: ownLogins.chatgpt,
  kept: ["401"],
});

const ownGoogle = withOwnLogin(cases.codeAssistOwn, {
  name: "Code Assist's own API on the client's own Google login",
  own: ownLogins.google,
});

const setupToken: DialectCase = {
  ...cases.claude,
  name: "Claude Messages on setup tokens",
  hasAnswersOf: cases.claude.name,
  type: "claude-oauth",
  settings: { credential: "setup-token" },
  failsOver: {
    ...cases.claude.failsOver,
    "401 of an expired token": () => claudeFailures.tokenExpired(),
  },
};

/** As Z.ai writes times: those of Beijing, without a zone. */
const beijing = (at: number) => new Date(at + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");

const compatible: DialectCase = {
  ...cases.claude,
  name: "Claude Messages at compatible hosts",
  hasAnswersOf: cases.claude.name,
  settings: {
    auth: "bearer",
    modelMap: [{ pattern: "*", model: "glm-5.2" }],
    onlyWhenOut: true,
    contextWindow: 200_000,
  },
  urlPath: "/api/anthropic",
  sentModel: "glm-5.2",
  failsOver: {
    ...cases.claude.failsOver,
    "429 of a plan": () => glmLimit(beijing(Date.now() + 7_200_000)),
    "402 in OpenAI's form": () => deepSeekUnpaid,
  },
  limited: (untilMs) => glmLimit(beijing(untilMs)),
};

const compatibleChat: DialectCase = {
  ...cases.chatNative,
  name: "Chat Completions at compatible hosts",
  hasAnswersOf: cases.chatNative.name,
  settings: { modelMap: [{ pattern: "gpt-*", model: "glm-5.2" }], onlyWhenOut: true },
  urlPath: "/api/paas/v4",
  sentModel: "glm-5.2",
  failsOver: { ...cases.chatNative.failsOver, "402 in OpenAI's form": () => deepSeekUnpaid },
};

export const paymentCases = {
  ownClaude,
  ownChatGpt,
  ownGoogle,
  setupToken,
  compatible,
  compatibleChat,
} as const;
