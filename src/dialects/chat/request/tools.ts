// The tools of a chat request and which of them to use (tool_choice, function_call, parallel_tool_calls), as Claude's; the legacy
// functions that came before them included.

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

/** What the client asked for, before it is known whether the model can be forced. */
export interface ToolWish {
  kind: "auto" | "none" | "any" | "tool";
  /** The one tool to call, with kind `tool`. */
  name?: string;
  /** The client said something about the choice. */
  stated: boolean;
  /** The tools to send: all, or the allowed ones. */
  tools: ClaudeTool[];
}

export interface ToolChoice {
  tool_choice?: JsonObject;
  /** A line for the system prompt in place of a choice that the model cannot be forced to. */
  line?: string;
}

export function readToolWish(chat: JsonObject, { tools }: Pick<ConvertedTools, "tools">): ToolWish {
  const param = (chat.tool_choice ?? null) === null ? "function_call" : "tool_choice";
  const value = chat[param] ?? undefined;
  const wish = value === undefined ? unstated(tools) : readChoice(value, param, tools);
  if (isForced(wish) && tools.length === 0) {
    throw new InvalidChatRequest(param, "is only allowed when tools are given.");
  }
  return wish;
}

export function isForced(wish: ToolWish): boolean {
  return wish.kind === "any" || wish.kind === "tool";
}

export interface ToolChoiceOptions {
  /** The model accepts a forced choice, with the rest of the request as it is. */
  canForce: boolean;
  legacy: boolean;
  warnings: Set<string>;
}

export function convertToolChoice(chat: JsonObject, wish: ToolWish, options: ToolChoiceOptions): ToolChoice {
  const parallel = optionalBoolean(chat, "parallel_tool_calls") ?? true;
  if (wish.tools.length === 0) return {};
  // A legacy answer has room for one call.
  const single = options.legacy || !parallel ? { disable_parallel_tool_use: true } : {};
  if (wish.kind === "none") return { tool_choice: { type: "none" } };
  if (isForced(wish) && !options.canForce) {
    options.warnings.add("tool_choice downgraded");
    const line = wish.name === undefined ? "You must call a tool." : `You must call the tool ${wish.name}.`;
    return { tool_choice: { type: "auto", ...single }, line };
  }
  if (!wish.stated && Object.keys(single).length === 0) return {};
  const name = wish.name === undefined ? {} : { name: wish.name };
  return { tool_choice: { type: wish.kind, ...name, ...single } };
}

function unstated(tools: ClaudeTool[]): ToolWish {
  return { kind: "auto", stated: false, tools };
}

function readChoice(value: unknown, param: string, tools: ClaudeTool[]): ToolWish {
  if (value === "auto" || value === "none") return { kind: value, stated: true, tools };
  if (value === "required" && param === "tool_choice") return { kind: "any", stated: true, tools };
  if (!isJsonObject(value)) {
    throw new InvalidChatRequest(param, `${shown(value)} is not one of its values.`);
  }
  if (param === "function_call") return named(requiredString(value, "name", param), at(param, "name"), tools);
  const type = requiredString(value, "type", param);
  if (type === "function") return named(functionName(value, param), at(param, "function.name"), tools);
  if (type === "any" || type === "auto" || type === "none") return { kind: type, stated: true, tools };
  if (type === "tool") return named(requiredString(value, "name", param), at(param, "name"), tools);
  if (type === "allowed_tools") return readAllowed(value, tools);
  throw new InvalidChatRequest(
    param,
    `type ${shown(type)} has no counterpart in Claude's API.`,
    "unsupported_value",
  );
}

function named(name: string, param: string, tools: ClaudeTool[]): ToolWish {
  if (tools.some((tool) => tool.name === name)) return { kind: "tool", name, stated: true, tools };
  throw unknownTool(name, param);
}

function unknownTool(name: string, param: string): InvalidChatRequest {
  return new InvalidChatRequest(param, `there is no tool named ${shown(name)} in the request.`);
}

/** OpenAI nests the list under `allowed_tools`; its Responses API, and clients that mix the two, do not. */
function readAllowed(value: JsonObject, tools: ClaudeTool[]): ToolWish {
  const nested = isJsonObject(value.allowed_tools);
  const path = nested ? "tool_choice.allowed_tools" : "tool_choice";
  const source = nested ? requiredObject(value, "allowed_tools", "tool_choice") : value;
  const mode = requiredString(source, "mode", path);
  if (mode !== "auto" && mode !== "required") {
    throw new InvalidChatRequest(at(path, "mode"), 'must be "auto" or "required".');
  }
  const list = source.tools;
  if (!Array.isArray(list) || list.length === 0) {
    throw new InvalidChatRequest(at(path, "tools"), "must be a list of at least one tool.");
  }
  const known = new Set(tools.map(({ name }) => name));
  const names = new Set<string>();
  for (const [index, entry] of list.entries()) {
    const where = at(at(path, "tools"), index);
    const name = functionName(asObject(entry, where), where);
    if (!known.has(name)) throw unknownTool(name, where);
    names.add(name);
  }
  const allowed = tools.filter((tool) => names.has(tool.name));
  return { kind: mode === "required" ? "any" : "auto", stated: true, tools: allowed };
}

function functionName(choice: JsonObject, path: string): string {
  if (typeof choice.name === "string") return choice.name;
  return requiredString(requiredObject(choice, "function", path), "name", at(path, "function"));
}
