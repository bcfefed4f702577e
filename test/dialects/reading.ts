// Requests as the real clients send them, shortened, and what the dialect of their path reads out of them.

import assert from "node:assert/strict";
import type { RequestFacts } from "../../src/dialects/dialect.ts";
import { matchRoute } from "../../src/dialects/registry.ts";
import type { HeaderMap } from "../../src/domain/call.ts";

export interface Sent {
  method?: string;
  headers?: HeaderMap;
  body?: unknown;
}

/** What the dialect of a path reads out of a request; a body that is no string is sent as JSON. */
export function read(target: string, { method = "POST", headers = {}, body }: Sent = {}): RequestFacts {
  const [path = "", query] = target.split("?");
  const found = matchRoute(method, path);
  assert.ok(found, `${method} ${path} is no route`);
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  return found.dialect.read(found.route, {
    headers,
    query: query === undefined ? "" : `?${query}`,
    body: text === undefined ? undefined : Buffer.from(text),
  });
}

export const session = (target: string, sent: Sent) => read(target, sent).session;

export const uuid = "0f1e2d3c-0000-4000-8000-00000000abcd";

/** As Claude Code 2.1.330 sends it, shortened; the breakpoint moves to the last message every turn. */
export function claudeCode(
  turn: number,
  metadata: unknown = { user_id: JSON.stringify({ device_id: "d", account_uuid: "", session_id: uuid }) },
) {
  const mark = { cache_control: { type: "ephemeral" } };
  const messages = [
    { role: "system", content: "reminder" },
    { role: "user", content: [{ type: "text", text: "Rename the module", ...(turn === 1 ? mark : {}) }] },
    ...(turn > 1
      ? [
          {
            role: "assistant",
            content: [{ type: "tool_use", id: "t1", name: "Read", input: { file: "a.ts" } }],
          },
          { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: "…", ...mark }] },
        ]
      : []),
  ];
  return {
    model: "claude-opus-5-5",
    messages,
    system: [
      { type: "text", text: `x-anthropic-billing-header: cc_version=2.1.330.${turn}; cc_entrypoint=cli;` },
      { type: "text", text: "You are a helper.", ...(turn === 1 ? mark : {}) },
      { type: "text", text: "Environment: Linux", ...mark },
    ],
    tools: [{ name: "Read", input_schema: { type: "object", properties: { model: { type: "string" } } } }],
    metadata,
    max_tokens: 32_000,
    thinking: { type: "adaptive" },
    stream: true,
  };
}

/** As Gemini CLI 0.61 sends it in API-key mode, shortened. */
export function geminiCli(turn: number, day = "Sunday") {
  const context = `<session_context>\nThis is the Gemini CLI. Today is ${day}.\n</session_context>`;
  return {
    contents: [
      { parts: [{ text: context }, { text: "Say hi" }], role: "user" },
      ...(turn > 1
        ? [
            { parts: [{ functionCall: { name: "ls", args: {} }, thoughtSignature: "c2ln" }], role: "model" },
            { parts: [{ functionResponse: { name: "ls", response: { output: "a" } } }], role: "user" },
          ]
        : []),
    ],
    systemInstruction: { parts: [{ text: "You are an agent." }], role: "user" },
    generationConfig: { temperature: 0, thinkingConfig: { includeThoughts: true } },
    tools: [{ functionDeclarations: [{ name: "ls", parametersJsonSchema: { properties: { model: {} } } }] }],
  };
}
/** As Codex 0.169 sends it, shortened. */
export function codex(more: object = {}) {
  return {
    model: "gpt-5.6",
    input: [
      { type: "additional_tools", tools: [] },
      { type: "message", role: "developer", content: [{ type: "input_text", text: "Permissions" }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: "Say hi" }] },
    ],
    store: false,
    stream: true,
    include: ["reasoning.encrypted_content"],
    prompt_cache_key: uuid,
    ...more,
  };
}
