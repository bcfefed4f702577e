// The content of a chat message, a string or a list of parts, as Claude's content blocks.

import {
  asObject,
  at,
  optionalObject,
  optionalString,
  requiredObject,
  requiredString,
  wrongType,
} from "../fields.ts";
import { InvalidChatRequest, shown } from "../invalid.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { type Block, isBlank, type TextBlock, textBlock } from "./blocks.ts";
import { documentFromFile, imageFromUrl } from "./media.ts";

/** Which parts a role may have: OpenAI gives images and files to users only, and tools return them in practice. */
export type PartKinds = "text" | "text and refusals" | "any";

/** Blank texts are left out, so the list may be empty. `null` and a missing content are an empty list. */
export function convertContent(content: unknown, kinds: PartKinds, path: string): Block[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return isBlank(content) ? [] : [textBlock(content)];
  if (!Array.isArray(content)) throw wrongType(path, "a string or an array of content parts", content);
  const blocks: Block[] = [];
  for (const [index, part] of content.entries()) {
    const where = at(path, index);
    const block = convertPart(asObject(part, where), kinds, where);
    if (block) blocks.push(block);
  }
  return blocks;
}

/** The text of system and developer messages. */
export function convertText(content: unknown, path: string): TextBlock[] {
  return convertContent(content, "text", path).filter((block) => isText(block));
}

function isText(block: Block): block is TextBlock {
  return block.type === "text";
}

function convertPart(part: JsonObject, kinds: PartKinds, path: string): Block | undefined {
  const block = unmarkedPart(part, kinds, path);
  if (!block) return undefined;
  const cache = cacheControl(part, path);
  return cache ? { ...block, cache_control: cache } : block;
}

function unmarkedPart(part: JsonObject, kinds: PartKinds, path: string): Block | undefined {
  const type = requiredString(part, "type", path);
  if (type === "text") return textPart(requiredString(part, "text", path));
  if (type === "refusal" && kinds === "text and refusals")
    return textPart(requiredString(part, "refusal", path));
  if (kinds === "any") {
    if (type === "image_url") return imagePart(part, path);
    if (type === "file") return filePart(part, path);
    if (type === "input_audio") {
      throw new InvalidChatRequest(path, "Claude takes no audio input.", "unsupported_content");
    }
  }
  throw new InvalidChatRequest(
    path,
    `a content part of type ${shown(type)} cannot be sent to Claude here.`,
    "unsupported_content",
  );
}

function textPart(text: string): TextBlock | undefined {
  return isBlank(text) ? undefined : textBlock(text);
}

function imagePart(part: JsonObject, path: string): Block {
  // Some clients write the URL where OpenAI has an object around it.
  const url = typeof part.image_url === "string" ? part.image_url : undefined;
  return imageFromUrl(
    url ?? requiredString(requiredObject(part, "image_url", path), "url", at(path, "image_url")),
    path,
  );
}

function filePart(part: JsonObject, path: string): Block {
  const file = requiredObject(part, "file", path);
  const where = at(path, "file");
  if (optionalString(file, "file_id", where) !== undefined) {
    throw new InvalidChatRequest(
      at(where, "file_id"),
      "file ids belong to OpenAI's file store; send the file itself as file_data.",
      "unsupported_content",
    );
  }
  const filename = optionalString(file, "filename", where);
  return documentFromFile({ data: requiredString(file, "file_data", where), filename }, path);
}

/** OpenAI's `prompt_cache_breakpoint`, or Claude's own `cache_control` from a client that sends it along. */
function cacheControl(part: JsonObject, path: string): JsonObject | undefined {
  const own = optionalObject(part, "cache_control", path);
  if (own) return own;
  const breakpoint = part.prompt_cache_breakpoint ?? false;
  if (breakpoint === false) return undefined;
  if (breakpoint === true || isJsonObject(breakpoint)) return { type: "ephemeral" };
  throw wrongType(at(path, "prompt_cache_breakpoint"), "an object", breakpoint);
}
