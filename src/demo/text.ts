// The texts of the simulated models, and how their tokens are counted.

import { createHash } from "node:crypto";
import { isObject, type JsonObject } from "../json/json-values.ts";

export const thoughts = "No model is thinking here: this is the demo of cc-relay, and these words are fixed.";

/** Says that it is a simulation, whatever it was asked. */
export function replyTo(prompt: string, model: string): string {
  const asked = prompt.trim().replace(/\s+/g, " ");
  const quoted = asked.length > 60 ? `${asked.slice(0, 60).trimEnd()}…` : asked;
  return [
    `This is a simulated answer: cc-relay runs as a demo, and no provider was asked.`,
    quoted === "" ? "" : ` You wrote: "${quoted}".`,
    ` A real ${model} would say more. Each line of the relay's log shows which account answered;`,
    ` the first one of each kind reaches its limit now and then, and the second one takes over.`,
    /\bat length\b/i.test(asked) ? essay.repeat(1 + (asked.length % maxEssays)) : "",
  ].join("");
}

const maxEssays = 3;

const essay = [
  "\n\nA relay is worth something when nobody has to think of it. A request comes in, the account that has room and the",
  "conversation's cache answers it, and where that account is at its limit the next one is asked before the first byte has",
  "gone out. Nothing is asked twice once an answer has begun, because it would be paid for twice. What each answer cost is",
  "written down before the client has seen its end. All of this is said by a simulation, in words that are always the same.",
].join(" ");

/** The text in the pieces a model would send it in; larger ones of a long text, since each passes through three sockets. */
export function splitReply(text: string): string[] {
  const words = text.length > 600 ? /(?<!\s)\s*\S+(?:\s+\S+){0,7}/g : /(?<!\s)\s*\S+(?:\s+\S+){0,2}/g;
  return text.match(words) ?? [text];
}

/** Four characters to a token, as the rule of thumb goes. */
export function countTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/** An id of the demo: the same for the same number. */
export function makeId(prefix: string, number: number): string {
  return `${prefix}demo${createHash("sha256").update(`${prefix}${number}`).digest("hex").slice(0, 20)}`;
}

/** Something that looks like a signature or an encrypted block. */
export function makeOpaque(seed: string): string {
  return createHash("sha512").update(seed).digest("base64");
}

const deepestSample = 8;

/** A value that fits a JSON schema well enough for a client that parses it. */
export function sampleOf(schema: unknown, depth = 0): unknown {
  if (!isObject(schema) || depth > deepestSample) return {};
  if ("const" in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  const choice = [schema.anyOf, schema.oneOf, schema.allOf].find(Array.isArray);
  if (choice !== undefined) return sampleOf(choice[0], depth + 1);
  // Gemini writes types in capitals, JSON Schema allows a list of them.
  const type = String(Array.isArray(schema.type) ? schema.type[0] : schema.type).toLowerCase();
  switch (type) {
    case "string":
      return "demo";
    case "number":
    case "integer":
      return typeof schema.minimum === "number" ? schema.minimum : 1;
    case "boolean":
      return true;
    case "array":
      return typeof schema.minItems === "number" && schema.minItems > 0
        ? [sampleOf(schema.items, depth + 1)]
        : [];
    case "null":
      return null;
    default:
      return sampleObject(schema, depth);
  }
}

function sampleObject(schema: JsonObject, depth: number): JsonObject {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required.map(String) : Object.keys(properties);
  return Object.fromEntries(
    required
      .filter((name) => name in properties)
      .map((name) => [name, sampleOf(properties[name], depth + 1)]),
  );
}
