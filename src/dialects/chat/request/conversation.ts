// Puts converted messages into the order that Claude's API insists on: roles alternate, and every tool call is answered in
// the very next user message, before anything else in it.

import { InvalidChatRequest, shown } from "../invalid.ts";
import type { JsonObject } from "../json.ts";
import { type Block, isThinking } from "./blocks.ts";

export interface ClaudeMessage {
  role: "user" | "assistant";
  content: Block[];
}

export interface ToolCall {
  /** The client's id of the call; its result carries the same. */
  id: string;
  name: string;
  input: unknown;
  cacheControl?: unknown;
}

export interface ToolResult {
  id: string;
  content: string | Block[];
  cacheControl: unknown;
  /** Claude's `is_error`. */
  isError?: boolean;
}

export interface Conversation {
  /** Blocks of one message; neighbours of the same role become one, and one without blocks leaves no trace. */
  add(role: "user" | "assistant", blocks: readonly Block[]): void;
  /** A cache breakpoint behind the last block, if the last turn is this role's. */
  mark(role: "user" | "assistant", cacheControl: JsonObject): void;
  /** @param path the assistant message, for the error when no result follows. */
  call(call: ToolCall, path: string): void;
  /** @param path the tool message, for the error when no call is waiting for it. */
  answer(result: ToolResult, path: string): void;
  /** Throws InvalidChatRequest when a call was left unanswered. */
  finish(): ClaudeMessage[];
}

interface Turn {
  role: "user" | "assistant";
  results: Block[];
  blocks: Block[];
}

interface Call {
  id: string;
  claudeId: string;
  path: string;
}

/** The calls of one turn that share an id; results answer them in order. */
interface Waiting {
  calls: Call[];
  answered: number;
}

export function createConversation(): Conversation {
  const ids = createToolIds();
  const turns: Turn[] = [];
  /** Of the last assistant turn, by the client's id. */
  let open = new Map<string, Waiting>();

  function turn(role: "user" | "assistant"): Turn {
    const last = turns.at(-1);
    if (last?.role === role) return last;
    if (role === "assistant") {
      refuseUnanswered(open);
      open = new Map();
    }
    const next: Turn = { role, results: [], blocks: [] };
    turns.push(next);
    return next;
  }

  function add(role: "user" | "assistant", blocks: readonly Block[]): void {
    if (blocks.length === 0) return;
    const { blocks: target } = turn(role);
    for (const block of blocks) target.push(block);
  }

  function mark(role: "user" | "assistant", cacheControl: JsonObject): void {
    const last = turns.at(-1);
    const block = last?.role === role ? (last.blocks.at(-1) ?? last.results.at(-1)) : undefined;
    // Thinking blocks go back as they came.
    if (block && !isThinking(block.type)) block.cache_control = cacheControl;
  }

  function call({ id, name, input, cacheControl }: ToolCall, path: string): void {
    const target = turn("assistant");
    const claudeId = ids.assign(id);
    const mark = cacheControl === undefined ? {} : { cache_control: cacheControl };
    target.blocks.push({ type: "tool_use", id: claudeId, name, input, ...mark });
    const waiting = open.get(id) ?? { calls: [], answered: 0 };
    waiting.calls.push({ id, claudeId, path });
    open.set(id, waiting);
  }

  function answer({ id, content, cacheControl, isError }: ToolResult, path: string): void {
    const waiting = open.get(id);
    const answered = waiting?.calls[waiting.answered++];
    if (!answered) {
      throw new InvalidChatRequest(
        path,
        `a tool message must be a response to a preceding assistant message with 'tool_calls'; no unanswered call has the id ${shown(id)}.`,
      );
    }
    const block: Block = { type: "tool_result", tool_use_id: answered.claudeId, content };
    if (isError) block.is_error = true;
    if (cacheControl !== undefined) block.cache_control = cacheControl;
    turn("user").results.push(block);
  }

  function finish(): ClaudeMessage[] {
    refuseUnanswered(open);
    return turns.map(({ role, results, blocks }) => ({ role, content: results.concat(blocks) }));
  }

  return { add, mark, call, answer, finish };
}

function refuseUnanswered(open: ReadonlyMap<string, Waiting>): void {
  const missing = [...open.values()].flatMap(({ calls, answered }) => calls.slice(answered));
  const first = missing[0];
  if (!first) return;
  const named = missing.slice(0, 5).map(({ id }) => shown(id));
  if (missing.length > named.length) named.push("…");
  throw new InvalidChatRequest(
    `${first.path}.tool_calls`,
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
      `The following tool_call_ids did not have response messages: ${named.join(", ")}.`,
  );
}

/** Both APIs treat ids of tool calls as opaque, but Claude takes only `^[a-zA-Z0-9_-]+$`, each once per request. */
interface ToolIds {
  /** The id under which a call goes upstream; one that is valid and new goes as it is. */
  assign(id: string): string;
}

/** Names depend on the calls before them only, so that a growing conversation keeps its cached prefix. */
function createToolIds(): ToolIds {
  const used = new Set<string>();
  // Where counting goes on: a hostile request that repeats one id would otherwise cost quadratic time.
  const counters = new Map<string, number>();

  function assign(id: string): string {
    const base = id.replace(/[^a-zA-Z0-9_-]/g, "_") || "call";
    let name = base;
    let count = counters.get(base) ?? 1;
    while (used.has(name)) name = `${base}_${++count}`;
    counters.set(base, count);
    used.add(name);
    return name;
  }

  return { assign };
}
