// Which upstream speaks to which kind of account. A new provider is one more line here.

import type { AccountType } from "../family.ts";
import { createClaudeUpstream } from "./claude.ts";
import { clientUpstream } from "./client.ts";
import { codeAssistUpstream } from "./code-assist.ts";
import { geminiUpstream } from "./gemini.ts";
import { openaiUpstream } from "./openai.ts";
import type { Upstream } from "./upstream.ts";

const upstreams: Readonly<Record<AccountType, Upstream>> = {
  "claude-api": createClaudeUpstream("claude-api"),
  "claude-oauth": createClaudeUpstream("claude-oauth"),
  "gemini-api": geminiUpstream,
  gemini: codeAssistUpstream,
  "openai-responses": openaiUpstream,
  client: clientUpstream,
};

export function upstreamFor(type: AccountType): Upstream {
  return upstreams[type];
}
