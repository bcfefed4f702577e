// The other parameters of a chat request: which are read, which are refused, and the few that map one to one.

import { createHash } from "node:crypto";
import { at, optionalArray, optionalNumber, optionalObject, optionalString, wrongType } from "../fields.ts";
import { InvalidChatRequest } from "../invalid.ts";
import type { JsonObject } from "../json.ts";

/** Refuses what would change the answer's very form. */
export function refuseUnmappable(chat: JsonObject): void {
  const choices = optionalNumber(chat, "n") ?? 1;
  if (choices !== 1) {
    throw new InvalidChatRequest(
      "n",
      "Claude gives one answer per request; leave n out.",
      "unsupported_value",
    );
  }
  if (optionalObject(chat, "audio")) throw noAudio("audio");
  for (const [index, modality] of (optionalArray(chat, "modalities") ?? []).entries()) {
    if (modality !== "text") throw noAudio(at("modalities", index));
  }
}

export interface OneToOne {
  metadata?: { user_id: string };
  service_tier?: "auto" | "standard_only";
  top_k?: number;
  cache_control?: JsonObject;
}

export function convertOneToOne(chat: JsonObject, warnings: Set<string>): OneToOne {
  const userId = convertUser(chat, warnings);
  const tier = convertTier(chat, warnings);
  const topK = optionalNumber(chat, "top_k");
  if (topK !== undefined && !Number.isInteger(topK)) throw wrongType("top_k", "a whole number", topK);
  const cacheControl = optionalObject(chat, "cache_control");
  return {
    ...(userId === undefined ? {} : { metadata: { user_id: userId } }),
    ...(tier === undefined ? {} : { service_tier: tier }),
    ...(topK === undefined ? {} : { top_k: topK }),
    ...(cacheControl === undefined ? {} : { cache_control: cacheControl }),
  };
}

/** Everything that some part of the conversion reads; what is not here is dropped with a warning. */
export const convertedParameters: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "tools",
  "tool_choice",
  "functions",
  "function_call",
  "parallel_tool_calls",
  "max_completion_tokens",
  "max_tokens",
  "temperature",
  "top_p",
  "stop",
  "reasoning_effort",
  "response_format",
  "n",
  "audio",
  "modalities",
  "user",
  "safety_identifier",
  "service_tier",
  // The relay's own use: the conversation's identity.
  "prompt_cache_key",
  // Claude's own, from clients that send them along (`extra_body` of the SDKs).
  "thinking",
  "cache_control",
  "top_k",
  "output_config",
]);

function convertTier(chat: JsonObject, warnings: Set<string>): "auto" | "standard_only" | undefined {
  const tier = optionalString(chat, "service_tier");
  if (tier === undefined) return undefined;
  if (tier === "auto") return "auto";
  if (tier === "default") return "standard_only";
  warnings.add("service_tier dropped");
  return undefined;
}

/** Claude wants an opaque id of at most 256 characters in which nobody can be recognised. */
function convertUser(chat: JsonObject, warnings: Set<string>): string | undefined {
  const user = optionalString(chat, "user");
  const id = optionalString(chat, "safety_identifier") ?? user;
  if (id === undefined || id.trim() === "") return undefined;
  if (isClaudeCodeId(id)) {
    warnings.add("user dropped");
    return undefined;
  }
  if (id.length > 256 || id.includes("@")) return createHash("sha256").update(id).digest("hex");
  return id;
}

/** Both forms of Claude Code's own ids: sending one would pass the request off as that client's. */
function isClaudeCodeId(id: string): boolean {
  const account = id.indexOf("_account_");
  if (account !== -1 && id.includes("_session_", account)) return true;
  return id.trimStart().startsWith("{") && id.includes('"session_id"');
}

function noAudio(param: string): InvalidChatRequest {
  return new InvalidChatRequest(param, "Claude answers in text only.", "unsupported_parameter");
}
