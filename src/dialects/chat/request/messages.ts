// The messages of a chat request as Claude's `system` and `messages`.

import { asObject, at, optionalArray, optionalObject, optionalString, requiredString } from "../fields.ts";
import { InvalidChatRequest, shown } from "../invalid.ts";
import { isJsonObject, type JsonObject, parseJsonExactly } from "../json.ts";
import { type Block, isBlank, isThinking, type TextBlock, textBlock } from "./blocks.ts";
import { cacheControl, convertContent, convertPart, convertText, type PartKinds } from "./content.ts";
import { type ClaudeMessage, type Conversation, createConversation } from "./conversation.ts";
import { warnOfDroppedMembers } from "./dropped.ts";

export interface ConvertedMessages {
  /** All system and developer texts, in order: Claude has them in front of the conversation. */
  system: TextBlock[];
  messages: ClaudeMessage[];
}

/** @param warnings gets the names of what was left out. */
export function convertMessages(chat: JsonObject, warnings: Set<string>): ConvertedMessages {
  const source = optionalArray(chat, "messages");
  if (!source) throw new InvalidChatRequest("messages", "is required.");
  const system: TextBlock[] = [];
  const conversation = createConversation();
  for (const [index, entry] of source.entries()) {
    const path = at("messages", index);
    const message = asObject(entry, path);
    const role = requiredString(message, "role", path);
    if (role === "system" || role === "developer") {
      const place = { path: at(path, "content"), warnings };
      const blocks = convertText(message.content, place);
      const last = blocks.at(-1);
      const mark = cacheControl(message, path);
      if (last && mark) last.cache_control = mark;
      for (const block of blocks) system.push(block);
    } else addMessage(conversation, { role, message, path, warnings });
    warnOfDroppedMembers(message, membersByRole.get(role) ?? contentMembers, {
      parameter: "messages",
      warnings,
    });
  }
  const messages = conversation.finish();
  if (messages.length === 0) {
    throw new InvalidChatRequest(
      "messages",
      "must hold at least one user or assistant message with content.",
    );
  }
  return { system, messages };
}

/** Whether the last assistant turn has tool calls but does not begin with a thinking block that Claude signed. */
export function isUnsignedToolLoop(messages: readonly ClaudeMessage[]): boolean {
  const last = messages.findLast(({ role }) => role === "assistant");
  if (!last?.content.some(({ type }) => type === "tool_use")) return false;
  const opening = last.content[0]?.type;
  return opening !== "thinking" && opening !== "redacted_thinking";
}

/** Whether the conversation ends with an assistant message, which the model is to continue. */
export function endsWithPrefill(messages: readonly ClaudeMessage[]): boolean {
  return messages.at(-1)?.role === "assistant";
}

/** Claude refuses a prefill that ends in white space. */
export function trimPrefill(messages: readonly ClaudeMessage[]): void {
  const last = messages.at(-1)?.content.at(-1);
  if (last?.type === "text") last.text = String(last.text).trimEnd();
}

/** For models that refuse a prefill: they go on from their own text when asked to. */
export function replacePrefill(messages: ClaudeMessage[]): void {
  messages.push({ role: "user", content: [textBlock("Continue.")] });
}

/**
 * What is read of a message, by role. Claude has no names for speakers; that of a tool or function message only repeats
 * which call it answers.
 */
const contentMembers: ReadonlySet<string> = new Set([
  ...["role", "content"],
  ...["cache_control", "prompt_cache_breakpoint"],
]);
const membersByRole: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    "assistant",
    new Set([
      ...contentMembers,
      ...["refusal", "audio", "tool_calls", "function_call", "thinking_blocks"],
      // OpenAI's SDK hangs what it has parsed onto the message that comes back to it.
      "parsed",
    ]),
  ],
  ["tool", new Set([...contentMembers, "tool_call_id", "name"])],
  ["function", new Set([...contentMembers, "name"])],
]);

/** `index` is left over from a stream, `parsed_arguments` from OpenAI's SDK: both say nothing new. */
const callMembers: ReadonlySet<string> = new Set(["id", "type", "function", "index", "cache_control"]);
const calledMembers: ReadonlySet<string> = new Set(["name", "arguments", "parsed_arguments"]);

interface SourceMessage {
  role: string;
  message: JsonObject;
  path: string;
  warnings: Set<string>;
}

function addMessage(conversation: Conversation, source: SourceMessage): void {
  const { role, message, path } = source;
  const content = at(path, "content");
  switch (role) {
    case "user":
      if (message.content === undefined || message.content === null) {
        throw new InvalidChatRequest(content, "is required.");
      }
      addContent(conversation, { ...source, role, kinds: "any" });
      markEnd(conversation, { ...source, role });
      return;
    case "assistant":
      addAssistant(conversation, source);
      markEnd(conversation, { ...source, role });
      return;
    case "tool": {
      const id = requiredString(message, "tool_call_id", path);
      addResult(conversation, { ...source, id, idPath: at(path, "tool_call_id") });
      return;
    }
    case "function": {
      const id = functionCallId(requiredString(message, "name", path));
      addResult(conversation, { ...source, id, idPath: at(path, "name") });
      return;
    }
    default:
      throw new InvalidChatRequest(
        at(path, "role"),
        `must be system, developer, user, assistant, tool or function, not ${shown(role)}.`,
      );
  }
}

function addAssistant(conversation: Conversation, { message, path, warnings }: SourceMessage): void {
  if (optionalObject(message, "audio", path)) {
    throw new InvalidChatRequest(at(path, "audio"), "Claude takes no audio.", "unsupported_content");
  }
  conversation.add("assistant", thinkingBlocks(message, path));
  addContent(conversation, { message, path, warnings, role: "assistant", kinds: "text and refusals" });
  const refusal = optionalString(message, "refusal", path);
  if (refusal !== undefined && !isBlank(refusal)) conversation.add("assistant", [textBlock(refusal)]);
  for (const [index, entry] of (optionalArray(message, "tool_calls", path) ?? []).entries()) {
    addToolCall(conversation, entry, { path, where: at(at(path, "tool_calls"), index), warnings });
  }
  const legacy = optionalObject(message, "function_call", path);
  if (legacy) {
    const where = at(path, "function_call");
    const name = requiredString(legacy, "name", where);
    conversation.call({ id: functionCallId(name), name, input: parseArguments(legacy, where) }, path);
  }
}

interface ContentMessage extends SourceMessage {
  role: "user" | "assistant";
  kinds: PartKinds;
}

/** A message's content part by part: Claude's own blocks for calls and results have their places in the conversation. */
function addContent(conversation: Conversation, source: ContentMessage): void {
  const { role, kinds, message, path, warnings } = source;
  const place = { kinds, path: at(path, "content"), warnings };
  if (!Array.isArray(message.content)) {
    conversation.add(role, convertContent(message.content, place));
    return;
  }
  for (const [index, entry] of message.content.entries()) {
    const where = at(place.path, index);
    const part = asObject(entry, where);
    if (role === "assistant" && part.type === "tool_use") addToolUse(conversation, part, { path, where });
    else if (role === "user" && part.type === "tool_result") {
      const idPath = at(where, "tool_use_id");
      const id = requiredString(part, "tool_use_id", where);
      addResult(conversation, { role, message: part, path: where, warnings, id, idPath });
    } else if (role === "assistant" && isThinking(part.type))
      conversation.add(role, [thinkingBlock(part, where)]);
    else {
      const block = convertPart(part, { ...place, path: where });
      if (block) conversation.add(role, [block]);
    }
  }
}

function addToolUse(
  conversation: Conversation,
  part: JsonObject,
  { path, where }: { path: string; where: string },
): void {
  const call = {
    id: requiredString(part, "id", where),
    name: requiredString(part, "name", where),
    input: optionalObject(part, "input", where) ?? {},
    cacheControl: cacheControl(part, where),
  };
  conversation.call(call, path);
}

/** Claude marks blocks, and some clients the message around them. */
function markEnd(
  conversation: Conversation,
  { role, message, path }: SourceMessage & { role: "user" | "assistant" },
): void {
  const mark = cacheControl(message, path);
  if (mark) conversation.mark(role, mark);
}

function addToolCall(
  conversation: Conversation,
  entry: unknown,
  { path, where, warnings }: { path: string; where: string; warnings: Set<string> },
): void {
  const call = asObject(entry, where);
  const type = optionalString(call, "type", where) ?? "function";
  const body = optionalObject(call, "function", where);
  if (type !== "function" || !body) {
    throw new InvalidChatRequest(where, "only function calls can be sent to Claude.", "unsupported_value");
  }
  const id = requiredString(call, "id", where);
  const name = requiredString(body, "name", at(where, "function"));
  warnOfDroppedMembers(call, callMembers, { parameter: "tool_calls", warnings });
  warnOfDroppedMembers(body, calledMembers, { parameter: "tool_calls", warnings });
  const input = parseArguments(body, at(where, "function"));
  conversation.call({ id, name, input, cacheControl: cacheControl(call, where) }, path);
}

interface ResultMessage extends SourceMessage {
  id: string;
  idPath: string;
}

/** A text stays a text, since a result may be empty and a block may not; a list becomes blocks. */
function addResult(conversation: Conversation, result: ResultMessage): void {
  const { id, message, path, idPath, warnings } = result;
  const source = message.content;
  const blocks = convertContent(source, { kinds: "any", path: at(path, "content"), warnings });
  let mark: unknown;
  for (const block of blocks) {
    mark = block.cache_control ?? mark;
    delete block.cache_control;
  }
  mark = cacheControl(message, path) ?? mark;
  const content = typeof source === "string" ? (isBlank(source) ? "" : source) : blocks;
  const isError = message.is_error === true;
  const answered = content.length === 0 ? "" : content;
  conversation.answer({ id, content: answered, cacheControl: mark, isError }, idPath);
}

/** The legacy form has no ids: a result names the function it belongs to. */
function functionCallId(name: string): string {
  return `function_${name}`;
}

/**
 * Arguments that are no JSON object are handed over as they are under `_raw`: models do write broken ones, and refusing the
 * conversation because of it would end an agent's session.
 */
function parseArguments(call: JsonObject, path: string): unknown {
  const text = optionalString(call, "arguments", path) ?? "";
  if (isBlank(text)) return {};
  // Checked on the text: a bare number can come back from the exact parser as an object of its own.
  const parsed = text.trimStart().startsWith("{") ? parseJsonExactly(text) : undefined;
  return parsed && isJsonObject(parsed.value) ? parsed.value : { _raw: text };
}

/**
 * `thinking_blocks` of clients that keep what Claude signed (LiteLLM's extension): first in the message, unchanged.
 * `reasoning_content` has no signature, without which Claude takes no thinking back: it is left out, with a warning.
 */
function thinkingBlocks(message: JsonObject, path: string): Block[] {
  const where = at(path, "thinking_blocks");
  return (optionalArray(message, "thinking_blocks", path) ?? []).map((entry, index) => {
    return thinkingBlock(asObject(entry, at(where, index)), at(where, index));
  });
}

function thinkingBlock(block: JsonObject, where: string): Block {
  const type = requiredString(block, "type", where);
  if (type === "thinking") requiredString(block, "signature", where);
  else if (type !== "redacted_thinking") {
    throw new InvalidChatRequest(where, "must be a thinking or redacted_thinking block.");
  }
  return { ...block, type };
}
