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
import { type Block, claudeBlock, isBlank, type TextBlock, textBlock } from "./blocks.ts";
import { warnOfDroppedMembers } from "./dropped.ts";
import { documentFromFile, imageFromUrl } from "./media.ts";

/** Which parts a role may have: OpenAI gives images and files to users only, and tools return them in practice. */
export type PartKinds = "text" | "text and refusals" | "any";

export interface ContentPlace {
  kinds: PartKinds;
  /** The path of the content, for errors. */
  path: string;
  /** Gets the names of what was left out of parts. */
  warnings: Set<string>;
}

/** Blank texts are left out, so the list may be empty. `null` and a missing content are an empty list. */
export function convertContent(content: unknown, { kinds, path, warnings }: ContentPlace): Block[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return isBlank(content) ? [] : [textBlock(content)];
  if (!Array.isArray(content)) throw wrongType(path, "a string or an array of content parts", content);
  const blocks: Block[] = [];
  for (const [index, part] of content.entries()) {
    const where = at(path, index);
    const block = convertPart(asObject(part, where), { kinds, path: where, warnings });
    if (block) blocks.push(block);
  }
  return blocks;
}

/** The text of system and developer messages. */
export function convertText(content: unknown, place: Omit<ContentPlace, "kinds">): TextBlock[] {
  return convertContent(content, { ...place, kinds: "text" }).filter((block) => isText(block));
}

function isText(block: Block): block is TextBlock {
  return block.type === "text";
}

const partMembers: ReadonlySet<string> = new Set([
  ...["type", "text", "refusal", "image_url", "file"],
  ...["cache_control", "prompt_cache_breakpoint"],
]);

/** One part alone. */
export function convertPart(part: JsonObject, place: ContentPlace): Block | undefined {
  const own = place.kinds === "any" ? claudeBlock(part, place.path) : undefined;
  if (own) return own;
  const block = unmarkedPart(part, place);
  warnOfDroppedMembers(part, partMembers, { parameter: "content", warnings: place.warnings });
  if (!block) return undefined;
  const cache = cacheControl(part, place.path);
  return cache ? { ...block, cache_control: cache } : block;
}

function unmarkedPart(part: JsonObject, { kinds, path, warnings }: ContentPlace): Block | undefined {
  const type = requiredString(part, "type", path);
  if (type === "text") return textPart(requiredString(part, "text", path));
  if (type === "refusal" && kinds === "text and refusals")
    return textPart(requiredString(part, "refusal", path));
  if (kinds === "any") {
    if (type === "image_url") return imagePart(part, path, warnings);
    if (type === "file") return filePart(part, path, warnings);
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

const imageMembers: ReadonlySet<string> = new Set(["url"]);
/** `auto` is the default: leaving it out loses nothing. */
const imageMembersOrAuto: ReadonlySet<string> = new Set([...imageMembers, "detail"]);

function imagePart(part: JsonObject, path: string, warnings: Set<string>): Block {
  // Some clients write the URL where OpenAI has an object around it.
  if (typeof part.image_url === "string") return imageFromUrl(part.image_url, path);
  const image = requiredObject(part, "image_url", path);
  const read = image.detail === "auto" ? imageMembersOrAuto : imageMembers;
  warnOfDroppedMembers(image, read, { parameter: "image_url", warnings });
  return imageFromUrl(requiredString(image, "url", at(path, "image_url")), path);
}

const fileMembers: ReadonlySet<string> = new Set(["file_data", "file_id", "filename"]);

function filePart(part: JsonObject, path: string, warnings: Set<string>): Block {
  const file = requiredObject(part, "file", path);
  const where = at(path, "file");
  if (optionalString(file, "file_id", where) !== undefined) {
    throw new InvalidChatRequest(
      at(where, "file_id"),
      "file ids belong to OpenAI's file store; send the file itself as file_data.",
      "unsupported_content",
    );
  }
  warnOfDroppedMembers(file, fileMembers, { parameter: "file", warnings });
  const filename = optionalString(file, "filename", where);
  return documentFromFile({ data: requiredString(file, "file_data", where), filename }, path);
}

/** OpenAI's `prompt_cache_breakpoint`, or Claude's own `cache_control` from a client that sends it along. */
export function cacheControl(part: JsonObject, path: string): JsonObject | undefined {
  const own = optionalObject(part, "cache_control", path);
  if (own) return own;
  const breakpoint = part.prompt_cache_breakpoint ?? false;
  if (breakpoint === false) return undefined;
  if (breakpoint === true || isJsonObject(breakpoint)) return { type: "ephemeral" };
  throw wrongType(at(path, "prompt_cache_breakpoint"), "an object", breakpoint);
}
