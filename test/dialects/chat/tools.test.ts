import assert from "node:assert/strict";
import test from "node:test";
import { InvalidChatRequest } from "../../../src/dialects/chat/invalid.ts";
import { type Json, request, toClaude } from "./support.ts";

const empty = { type: "object", properties: {} };
const tool = (definition: Json) => ({ type: "function", function: definition });
const closed = {
  type: "object",
  properties: {
    a: { type: "object", properties: {}, additionalProperties: false },
    b: { anyOf: [{ type: "object", properties: {}, additionalProperties: false }, { type: "null" }] },
  },
  additionalProperties: false,
};

const definitions: { title: string; from: Json; to: Json; warnings?: string[] }[] = [
  { title: "a tool without parameters", from: { name: "a" }, to: { name: "a", input_schema: empty } },
  {
    title: "a tool with everything",
    from: {
      name: "a",
      description: "does a",
      parameters: { type: "object", properties: { x: { type: "string" } }, required: ["x"] },
    },
    to: {
      name: "a",
      description: "does a",
      input_schema: { type: "object", properties: { x: { type: "string" } }, required: ["x"] },
    },
  },
  {
    title: "parameters without a type",
    from: { name: "a", parameters: { properties: { x: {} } } },
    to: { name: "a", input_schema: { properties: { x: {} }, type: "object" } },
  },
  {
    title: "parameters that may also be null",
    from: { name: "a", parameters: { type: ["object", "null"] } },
    to: { name: "a", input_schema: empty },
  },
  {
    title: "a strict tool whose objects are closed",
    from: { name: "a", strict: true, parameters: closed },
    to: { name: "a", input_schema: closed, strict: true },
  },
  {
    title: "a strict tool with an open object",
    from: { name: "a", strict: true, parameters: { ...closed, properties: { a: { type: "object" } } } },
    to: { name: "a", input_schema: { ...closed, properties: { a: { type: "object" } } } },
    warnings: ["tools.strict dropped"],
  },
  {
    title: "a strict tool with an open object in a list",
    from: {
      name: "a",
      strict: true,
      parameters: { ...closed, properties: { a: { type: "array", items: { properties: {} } } } },
    },
    to: {
      name: "a",
      input_schema: { ...closed, properties: { a: { type: "array", items: { properties: {} } } } },
    },
    warnings: ["tools.strict dropped"],
  },
  {
    title: "a strict tool with an open object that may be null",
    from: {
      name: "a",
      strict: true,
      parameters: { ...closed, properties: { a: { type: ["object", "null"] } } },
    },
    to: { name: "a", input_schema: { ...closed, properties: { a: { type: ["object", "null"] } } } },
    warnings: ["tools.strict dropped"],
  },
  {
    title: "a tool whose empty lists and maps are null",
    from: { name: "a", parameters: { type: "object", properties: null, required: null, anyOf: null } },
    to: { name: "a", input_schema: empty },
  },
  {
    title: "a tool with a member that Claude has not",
    from: { name: "a", parameters: empty, examples: ["x"] },
    to: { name: "a", input_schema: empty },
    warnings: ["tools.examples dropped"],
  },
  {
    title: "a tool that is not strict",
    from: { name: "a", strict: false, parameters: closed },
    to: { name: "a", input_schema: closed },
  },
  {
    title: "a parameter named like a prototype",
    from: JSON.parse(
      '{"name":"a","parameters":{"type":"object","properties":{"__proto__":{"type":"string"}}}}',
    ),
    to: JSON.parse(
      '{"name":"a","input_schema":{"type":"object","properties":{"__proto__":{"type":"string"}}}}',
    ),
  },
];

for (const { title, from, to, warnings = [] } of definitions) {
  test(`${title} is converted`, () => {
    const { body, warnings: found } = toClaude(request({ tools: [tool(from)] }));
    assert.deepEqual(body.tools, [to]);
    assert.equal("tool_choice" in body, false);
    assert.deepEqual(found, warnings);
  });
}

test("strict is left out for models without structured output", () => {
  const { body, warnings } = toClaude(
    request({
      model: "claude-3-7-sonnet-latest",
      tools: [tool({ name: "a", strict: true, parameters: closed })],
    }),
  );
  assert.deepEqual(body.tools, [{ name: "a", input_schema: closed }]);
  assert.deepEqual(warnings, ["tools.strict dropped"]);
});

const tools = [tool({ name: "a" }), tool({ name: "b" })];
const allowed = (mode: string, ...names: string[]) => ({
  type: "allowed_tools",
  allowed_tools: { mode, tools: names.map((name) => ({ type: "function", function: { name } })) },
});
const choose = (name: string) => ({ type: "function", function: { name } });
const single = { disable_parallel_tool_use: true };

interface ChoiceRow {
  title: string;
  from: Json;
  choice: Json | undefined;
  names?: string[];
  system?: string;
  warnings?: string[];
}

const opus55 = { model: "claude-opus-5-5" };

const choices: ChoiceRow[] = [
  { title: "no choice", from: {}, choice: undefined },
  { title: "auto", from: { tool_choice: "auto" }, choice: { type: "auto" } },
  { title: "none, with the tools kept", from: { tool_choice: "none" }, choice: { type: "none" } },
  { title: "required", from: { tool_choice: "required" }, choice: { type: "any" } },
  { title: "one tool", from: { tool_choice: choose("b") }, choice: { type: "tool", name: "b" } },
  {
    title: "allowed tools",
    from: { tool_choice: allowed("auto", "b") },
    choice: { type: "auto" },
    names: ["b"],
  },
  {
    title: "allowed tools of which one is required",
    from: { tool_choice: allowed("required", "a") },
    choice: { type: "any" },
    names: ["a"],
  },
  {
    title: "allowed tools in the form of the Responses API",
    from: { tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "b" }] } },
    choice: { type: "auto" },
    names: ["b"],
  },
  { title: "one call at a time", from: { parallel_tool_calls: false }, choice: { type: "auto", ...single } },
  { title: "parallel calls", from: { parallel_tool_calls: true }, choice: undefined },
  {
    title: "one call at a time of a required tool",
    from: { tool_choice: "required", parallel_tool_calls: false },
    choice: { type: "any", ...single },
  },
  {
    title: "one call of one tool",
    from: { tool_choice: choose("a"), parallel_tool_calls: false },
    choice: { type: "tool", name: "a", ...single },
  },
  {
    title: "one call at a time of none",
    from: { tool_choice: "none", parallel_tool_calls: false },
    choice: { type: "none" },
  },
  {
    title: "required, where it is refused",
    from: { ...opus55, tool_choice: "required" },
    choice: { type: "auto" },
    system: "You must call a tool.",
    warnings: ["tool_choice downgraded"],
  },
  {
    title: "one tool, where it is refused",
    from: { ...opus55, tool_choice: choose("b") },
    choice: { type: "auto" },
    system: "You must call the tool b.",
    warnings: ["tool_choice downgraded"],
  },
  {
    title: "required of allowed tools, where it is refused",
    from: { model: "claude-haiku-5-5", tool_choice: allowed("required", "a") },
    choice: { type: "auto" },
    names: ["a"],
    system: "You must call a tool.",
    warnings: ["tool_choice downgraded"],
  },
  {
    title: "none, where forcing is refused",
    from: { ...opus55, tool_choice: "none" },
    choice: { type: "none" },
  },
];

for (const { title, from, choice, names = ["a", "b"], system, warnings = [] } of choices) {
  test(`tool_choice: ${title}`, () => {
    const converted = toClaude(request({ tools, ...from }));
    assert.deepEqual(converted.body.tool_choice, choice);
    assert.deepEqual(
      (converted.body.tools as { name: string }[]).map(({ name }) => name),
      names,
    );
    assert.deepEqual(converted.body.system, system && [{ type: "text", text: system }]);
    assert.deepEqual(converted.warnings, warnings);
  });
}

test("a choice among no tools is nothing to send", () => {
  for (const from of [
    { tool_choice: "auto" },
    { tool_choice: "none", tools: [] },
    { parallel_tool_calls: false },
  ]) {
    const { body } = toClaude(request(from));
    assert.equal("tool_choice" in body, false);
    assert.equal("tools" in body, false);
  }
});

test("the line for a tool is behind the caller's own system prompt", () => {
  const { body } = toClaude(
    request({
      ...opus55,
      tools,
      tool_choice: "required",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "q" },
      ],
    }),
  );
  assert.deepEqual(body.system, [
    { type: "text", text: "Be brief." },
    { type: "text", text: "You must call a tool." },
  ]);
});

const functions = [{ name: "a", description: "does a", parameters: empty }];
const legacy: { title: string; from: Json; choice: Json }[] = [
  { title: "no choice", from: {}, choice: { type: "auto", ...single } },
  { title: "auto", from: { function_call: "auto" }, choice: { type: "auto", ...single } },
  { title: "none", from: { function_call: "none" }, choice: { type: "none" } },
  { title: "an empty list of tools beside", from: { tools: [] }, choice: { type: "auto", ...single } },
  {
    title: "a choice in the newer form",
    from: { tool_choice: "required" },
    choice: { type: "any", ...single },
  },
  {
    title: "one function",
    from: { function_call: { name: "a" } },
    choice: { type: "tool", name: "a", ...single },
  },
];

for (const { title, from, choice } of legacy) {
  test(`legacy functions, ${title}: one call at a time`, () => {
    const { body, warnings } = toClaude(request({ functions, ...from }));
    assert.deepEqual(body.tools, [{ name: "a", description: "does a", input_schema: empty }]);
    assert.deepEqual(body.tool_choice, choice);
    assert.deepEqual(warnings, []);
  });
}

test("an empty list of functions is no legacy client", () => {
  assert.deepEqual(toClaude(request({ functions: [], tools })).body.tool_choice, undefined);
});

const refused: { title: string; from: Json; param: string }[] = [
  { title: "tools that are no list", from: { tools: {} }, param: "tools" },
  { title: "a tool that is no object", from: { tools: ["a"] }, param: "tools[0]" },
  { title: "a tool without a type", from: { tools: [{ function: { name: "a" } }] }, param: "tools[0].type" },
  {
    title: "a custom tool",
    from: { tools: [...tools, { type: "custom", custom: { name: "c" } }] },
    param: "tools[2]",
  },
  {
    title: "a tool without its function",
    from: { tools: [{ type: "function" }] },
    param: "tools[0].function",
  },
  { title: "a tool without a name", from: { tools: [tool({})] }, param: "tools[0].function.name" },
  {
    title: "a tool with an empty name",
    from: { tools: [tool({ name: "" })] },
    param: "tools[0].function.name",
  },
  {
    title: "a description that is a number",
    from: { tools: [tool({ name: "a", description: 5 })] },
    param: "tools[0].function.description",
  },
  {
    title: "parameters that are a list",
    from: { tools: [tool({ name: "a", parameters: [] })] },
    param: "tools[0].function.parameters",
  },
  {
    title: "parameters of another type",
    from: { tools: [tool({ name: "a", parameters: { type: "string" } })] },
    param: "tools[0].function.parameters.type",
  },
  {
    title: "anyOf at the root",
    from: { tools: [tool({ name: "a", parameters: { anyOf: [empty] } })] },
    param: "tools[0].function.parameters",
  },
  {
    title: "oneOf at the root",
    from: { tools: [tool({ name: "a", parameters: { ...empty, oneOf: [empty] } })] },
    param: "tools[0].function.parameters",
  },
  {
    title: "strict that is a text",
    from: { tools: [tool({ name: "a", strict: "yes" })] },
    param: "tools[0].function.strict",
  },
  { title: "tools and functions", from: { tools, functions }, param: "functions" },
  { title: "required without tools", from: { tool_choice: "required" }, param: "tool_choice" },
  { title: "an unknown choice", from: { tools, tool_choice: "maybe" }, param: "tool_choice" },
  {
    title: "a choice of another type",
    from: { tools, tool_choice: { type: "custom", custom: { name: "a" } } },
    param: "tool_choice",
  },
  {
    title: "a tool that is not there",
    from: { tools, tool_choice: choose("z") },
    param: "tool_choice.function.name",
  },
  {
    title: "a choice without a name",
    from: { tools, tool_choice: { type: "function", function: {} } },
    param: "tool_choice.function.name",
  },
  {
    title: "a function that is not there",
    from: { functions, function_call: { name: "z" } },
    param: "function_call.name",
  },
  {
    title: "required in the legacy form",
    from: { functions, function_call: "required" },
    param: "function_call",
  },
  {
    title: "an allowed tool that is not there",
    from: { tools, tool_choice: allowed("auto", "a", "z") },
    param: "tool_choice.allowed_tools.tools[1]",
  },
  {
    title: "no allowed tool",
    from: { tools, tool_choice: allowed("auto") },
    param: "tool_choice.allowed_tools.tools",
  },
  {
    title: "an unknown mode of allowed tools",
    from: { tools, tool_choice: allowed("never", "a") },
    param: "tool_choice.allowed_tools.mode",
  },
  {
    title: "parallel_tool_calls that is a text",
    from: { tools, parallel_tool_calls: "no" },
    param: "parallel_tool_calls",
  },
];

for (const { title, from, param } of refused) {
  test(`${title} is refused, and ${param} named`, () => {
    assert.throws(
      () => toClaude(request(from)),
      (error) =>
        error instanceof InvalidChatRequest &&
        error.param === param &&
        error.message.startsWith(`${param}: `),
    );
  });
}
