// response_format: structured output where the model has it, a line in the system prompt where it does not.

import {
  at,
  optionalBoolean,
  optionalObject,
  optionalString,
  requiredObject,
  requiredString,
} from "../fields.ts";
import { InvalidChatRequest, shown } from "../invalid.ts";
import type { JsonObject } from "../json.ts";
import { transformSchema } from "./schema.ts";

export interface ResponseFormat {
  /** For `output_config.format`. */
  format?: JsonObject;
  /** For the end of the system prompt. */
  line?: string;
}

export interface ResponseFormatOptions {
  /** The model enforces schemas, with the rest of the request as it is. */
  canEnforce: boolean;
  warnings: Set<string>;
}

export function convertResponseFormat(chat: JsonObject, options: ResponseFormatOptions): ResponseFormat {
  const value = optionalObject(chat, "response_format");
  if (!value) return {};
  const type = requiredString(value, "type", "response_format");
  switch (type) {
    case "text":
      return {};
    case "json_object":
      // instructor and llama.cpp's clients put the schema here.
      return value.schema === undefined || value.schema === null
        ? anyObject(options.warnings)
        : bySchema(value, { ...options, path: "response_format" });
    case "json_schema":
      return bySchema(requiredObject(value, "json_schema", "response_format"), {
        ...options,
        path: "response_format.json_schema",
      });
    default:
      throw new InvalidChatRequest(
        "response_format.type",
        `must be text, json_object or json_schema, not ${shown(type)}.`,
      );
  }
}

function anyObject(warnings: Set<string>): ResponseFormat {
  warnings.add("response_format downgraded");
  return { line: "Respond with exactly one JSON object and nothing else." };
}

function bySchema(
  definition: JsonObject,
  { canEnforce, warnings, path }: ResponseFormatOptions & { path: string },
): ResponseFormat {
  const schema = optionalObject(definition, "schema", path);
  const strict = optionalBoolean(definition, "strict", path);
  const description = optionalString(definition, "description", path);
  if (!schema) return anyObject(warnings);
  if (canEnforce && strict !== false) {
    if (description) warnings.add(`${at("response_format", "description")} dropped`);
    const onWeakened = () => warnings.add("response_format.schema downgraded");
    return { format: { type: "json_schema", schema: transformSchema(schema, onWeakened) } };
  }
  if (strict !== false) warnings.add("response_format downgraded");
  const purpose = description ? ` (${description})` : "";
  return {
    line: `Respond with one JSON value that conforms to this JSON schema${purpose}, and nothing else: ${JSON.stringify(schema)}`,
  };
}
