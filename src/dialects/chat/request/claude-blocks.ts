// Claude's own content blocks inside of chat messages, as programs send them that speak both APIs (Cursor, agent frameworks).

import { at, requiredObject, requiredString } from "../fields.ts";
import type { JsonObject } from "../json.ts";
import type { Block } from "./blocks.ts";

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
