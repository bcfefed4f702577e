// What Claude's API refuses with a 400, written down independently of the conversion: every converted request must pass.

import assert from "node:assert/strict";
import { modelFamily } from "../../../src/dialects/chat/model-families.ts";

interface Block {
  type: string;
  text?: string;
  id?: string;
  tool_use_id?: string;
  content?: unknown;
  cache_control?: unknown;
}

interface Message {
  role: string;
  content: Block[];
}

interface Body {
  model: string;
  max_tokens: number;
  messages: Message[];
  system?: Block[];
  tools?: { name: string; input_schema: { type: string } }[];
  tool_choice?: { type: string; name?: string; disable_parallel_tool_use?: boolean };
  thinking?: { type: string; budget_tokens?: number };
  temperature?: number;
  top_p?: number;
  stop_sequences?: string[];
  output_config?: { effort?: string; format?: object };
  metadata?: { user_id: string };
}

export function assertAcceptable(raw: unknown): void {
  const body = raw as Body;
  const messages = assertMessages(body.messages);
  for (const block of body.system ?? []) assertBlock(block);
  if (body.system) assert.ok(body.system.length > 0, "an empty system");
  const marked = [...(body.system ?? []), ...messages.flatMap(({ content }) => content)];
  assert.ok(marked.filter((block) => block.cache_control).length <= 4, "too many cache breakpoints");
  assertTools(body);
  assertModelRules(body);
  for (const stop of body.stop_sequences ?? []) assert.match(stop, /\S/);
  if (body.metadata) assert.ok(body.metadata.user_id.length <= 256 && !body.metadata.user_id.includes("@"));
}

function assertMessages(messages: Message[]): Message[] {
  assert.ok(messages.length > 0, "no messages");
  const ids = new Set<string>();
  for (const [index, { role, content }] of messages.entries()) {
    assert.ok(role === "user" || role === "assistant", role);
    assert.notEqual(role, messages[index - 1]?.role, "roles must alternate");
    assert.ok(content.length > 0, "an empty message");
    for (const block of content) assertBlock(block);
    for (const { type, id } of content) {
      if (type !== "tool_use") continue;
      assert.equal(role, "assistant");
      assert.match(String(id), /^[a-zA-Z0-9_-]+$/);
      assert.ok(!ids.has(String(id)), "an id used twice");
      ids.add(String(id));
    }
    assertResults(messages[index - 1], content);
  }
  const last = messages.at(-1);
  assert.ok(!last?.content.some(({ type }) => type === "tool_use"), "a call without its result");
  return messages;
}

/** Exactly the results of the turn before, first in the message. */
function assertResults(before: Message | undefined, content: Block[]): void {
  const calls = before?.content.filter(({ type }) => type === "tool_use").map(({ id }) => String(id)) ?? [];
  const results = content
    .filter(({ type }) => type === "tool_result")
    .map((block) => String(block.tool_use_id));
  assert.deepEqual([...results].sort(), [...calls].sort(), "each call has one result, right after it");
  assert.ok(
    content.slice(0, results.length).every(({ type }) => type === "tool_result"),
    "results come first",
  );
}

function assertBlock(block: Block): void {
  if (block.type === "text") assert.match(String(block.text), /\S/, "a blank text block");
  if (block.type === "tool_result" && Array.isArray(block.content)) {
    assert.ok(block.content.length > 0);
    for (const inner of block.content) assertBlock(inner);
  }
}

function assertTools({ tools, tool_choice: choice, thinking }: Body): void {
  if (tools) assert.ok(tools.length > 0, "an empty list of tools");
  for (const tool of tools ?? []) assert.equal(tool.input_schema.type, "object");
  if (!choice) return;
  assert.ok(tools, "a choice without tools");
  assert.ok(["auto", "any", "tool", "none"].includes(choice.type));
  if (choice.type === "tool") assert.ok(tools.some(({ name }) => name === choice.name));
  if (choice.type === "none") assert.equal(choice.disable_parallel_tool_use, undefined);
  if (choice.type === "any" || choice.type === "tool") {
    assert.ok(!thinking || thinking.type === "disabled", "a forced tool while thinking");
  }
}

function assertModelRules(body: Body): void {
  const family = modelFamily(body.model);
  const { thinking, tool_choice: choice, output_config: config } = body;
  assert.ok(Number.isInteger(body.max_tokens) && body.max_tokens > 0 && body.max_tokens <= family.maxOutput);
  if (thinking?.type === "enabled") {
    assert.equal(family.thinking, "budget");
    assert.ok(thinking.budget_tokens! >= 1024 && thinking.budget_tokens! < body.max_tokens, "the budget");
    const lastTurn = body.messages.findLast(({ role }) => role === "assistant");
    if (lastTurn?.content.some(({ type }) => type === "tool_use"))
      assert.equal(lastTurn.content[0]?.type, "thinking");
  }
  if (thinking?.type === "adaptive") assert.equal(family.thinking, "adaptive");
  if (thinking?.type === "disabled") assert.notEqual(family.thinkingOff, "never");
  if (choice?.type === "any" || choice?.type === "tool") assert.ok(family.forcedTools);
  const thinks = thinking?.type === "enabled" || thinking?.type === "adaptive";
  if (family.sampling === "none" || thinks) assert.equal(body.temperature, undefined);
  if (family.sampling === "none") assert.equal(body.top_p, undefined);
  if (family.sampling === "one") assert.ok(body.temperature === undefined || body.top_p === undefined);
  if (body.temperature !== undefined) assert.ok(body.temperature >= 0 && body.temperature <= 1);
  if (config?.effort) assert.ok((family.efforts as string[]).includes(config.effort), config.effort);
  if (thinking?.type === "disabled" && config?.effort) {
    const levels = ["low", "medium", "high", "xhigh", "max"];
    assert.ok(levels.indexOf(config.effort) <= levels.indexOf(family.highestEffortWithoutThinking));
  }
  const last = body.messages.at(-1)!;
  if (config?.format) assert.ok(family.jsonSchema && last.role === "user");
  if (last.role === "assistant") {
    assert.ok(family.prefill && !thinks, "a prefill");
    const text = last.content.at(-1)?.text;
    if (text !== undefined) assert.equal(text, text.trimEnd());
  }
}
