// The content blocks of Claude's Messages API that a converted request is made of. Programs that speak both APIs (Cursor, agent
// frameworks) send some of them inside of chat messages.

import { at, requiredObject, requiredString } from "../fields.ts";
import type { JsonObject } from "../json.ts";

/** Any content block; `cache_control` marks where a cached prefix ends. */
export interface Block extends JsonObject {
  type: string;
}

export interface TextBlock extends Block {
  type: "text";
  text: string;
}

export function textBlock(text: string): TextBlock {
  return { type: "text", text };
}

/** Claude refuses text blocks that are empty or hold nothing but white space. */
export function isBlank(text: string): boolean {
  return !/\S/.test(text);
}

/** Claude takes four cache breakpoints per request. */
export const maxCacheBreakpoints = 4;

/**
 * Removes the marks beyond the limit from the front: the last ones cover the longest prefixes.
 * Returns whether any had to go. Changes the blocks.
 */
export function limitBreakpoints(blocks: Iterable<JsonObject>, limit: number): boolean {
  const marked: JsonObject[] = [];
  for (const block of blocks) if (block.cache_control !== undefined) marked.push(block);
  const surplus = marked.slice(0, Math.max(0, marked.length - limit));
  for (const block of surplus) delete block.cache_control;
  return surplus.length > 0;
}

/** What a user or a tool says in Claude's form; undefined for any other type of part. It goes on as it is. */
export function claudeBlock(part: JsonObject, path: string): Block | undefined {
  const { type } = part;
  switch (type) {
    case "image":
    case "document": {
      requiredString(requiredObject(part, "source", path), "type", at(path, "source"));
      return { ...part, type };
    }
    case "search_result":
      return { ...part, type };
    default:
      return undefined;
  }
}

/** Thinking that Claude signed or encrypted, which only it can read. */
export function isThinking(type: unknown): boolean {
  return type === "thinking" || type === "redacted_thinking";
}
