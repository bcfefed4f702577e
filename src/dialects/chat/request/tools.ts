// The tools of a chat request, and the legacy functions that came before them, as Claude's tools.

import {
  asObject,
  at,
  optionalArray,
  optionalBoolean,
  optionalObject,
  optionalString,
  requiredObject,
  requiredString,
} from "../fields.ts";
import { InvalidChatRequest, shown } from "../invalid.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import type { ModelFamily } from "../model-families.ts";
import { warnOfDroppedMembers } from "./dropped.ts";
import { isClosedSchema } from "./schema.ts";

export interface ClaudeTool extends JsonObject {
  name: string;
  description?: string;
  input_schema: JsonObject;
  strict?: true;
  cache_control?: JsonObject;
}

export interface ConvertedTools {
  tools: ClaudeTool[];
  /** The client spoke the form from before `tools`, and is answered in it. */
  legacy: boolean;
}

export function convertTools(chat: JsonObject, family: ModelFamily, warnings: Set<string>): ConvertedTools {
  const functions = optionalArray(chat, "functions");
  const entries = optionalArray(chat, "tools");
  const options = { family, warnings };
  if (functions && functions.length > 0) {
    if (entries && entries.length > 0) {
      throw new InvalidChatRequest("functions", "cannot be given together with tools.");
    }
    const tools = functions.map((entry, index) => {
      const path = at("functions", index);
      return convertFunction(asObject(entry, path), path, options);
    });
    return { tools, legacy: true };
  }
  const tools = (entries ?? []).map((entry, index) => convertTool(entry, at("tools", index), options));
  return { tools, legacy: false };
}

interface ToolOptions {
  family: ModelFamily;
  warnings: Set<string>;
}

const toolMembers: ReadonlySet<string> = new Set(["type", "function", "cache_control"]);
const functionMembers: ReadonlySet<string> = new Set([
  ...["name", "description", "parameters", "strict", "cache_control"],
  // Of a tool in Claude's own form.
  ...["type", "input_schema"],
]);

function convertTool(entry: unknown, path: string, options: ToolOptions): ClaudeTool {
  const tool = asObject(entry, path);
  if (isJsonObject(tool.input_schema) && tool.function === undefined) {
    return convertFunction({ ...tool, parameters: tool.input_schema }, path, options);
  }
  const type = requiredString(tool, "type", path);
  if (type !== "function") {
    throw new InvalidChatRequest(
      path,
      `only tools of type "function" can be sent to Claude, not ${shown(type)}.`,
      "unsupported_value",
    );
  }
  warnOfDroppedMembers(tool, toolMembers, { parameter: "tools", warnings: options.warnings });
  const converted = convertFunction(requiredObject(tool, "function", path), at(path, "function"), options);
  const mark = optionalObject(tool, "cache_control", path);
  return mark ? { ...converted, cache_control: mark } : converted;
}

function convertFunction(
  definition: JsonObject,
  path: string,
  { family, warnings }: ToolOptions,
): ClaudeTool {
  const name = requiredString(definition, "name", path);
  if (name === "") throw new InvalidChatRequest(at(path, "name"), "must not be empty.");
  const description = optionalString(definition, "description", path);
  const tool: ClaudeTool = {
    name,
    ...(description ? { description } : {}),
    input_schema: inputSchema(optionalObject(definition, "parameters", path) ?? {}, at(path, "parameters")),
  };
  const mark = optionalObject(definition, "cache_control", path);
  if (mark) tool.cache_control = mark;
  if (optionalBoolean(definition, "strict", path)) {
    if (family.jsonSchema && isClosedSchema(tool.input_schema)) tool.strict = true;
    else warnings.add("tools.strict dropped");
  }
  warnOfDroppedMembers(definition, functionMembers, { parameter: "tools", warnings });
  return tool;
}

/** Claude wants an object at the root and refuses alternatives there. */
function inputSchema(parameters: JsonObject, path: string): JsonObject {
  for (const keyword of ["anyOf", "oneOf", "allOf"]) {
    if ((parameters[keyword] ?? undefined) === undefined) continue;
    throw new InvalidChatRequest(
      path,
      `Claude refuses ${keyword} at the root of a tool's parameters; put it into a property.`,
      "unsupported_value",
    );
  }
  const type = parameters.type ?? "object";
  if (type !== "object" && !(Array.isArray(type) && type.includes("object"))) {
    throw new InvalidChatRequest(at(path, "type"), 'must be "object".');
  }
  // Go writes an empty list or map of its own as null, which no JSON schema has as the value of these.
  const stated = Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== null));
  const properties = stated.properties === undefined ? { properties: {} } : {};
  return { ...stated, type: "object", ...properties };
}
