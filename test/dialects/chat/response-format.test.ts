import assert from "node:assert/strict";
import test from "node:test";
import { InvalidChatRequest } from "../../../src/dialects/chat/invalid.ts";
import { transformSchema } from "../../../src/dialects/chat/request/schema.ts";
import { type Json, request, toClaude } from "./support.ts";

const person = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
const closedPerson = { ...person, additionalProperties: false };
const bySchema = (definition: Json) => ({
  response_format: { type: "json_schema", json_schema: { name: "person", ...definition } },
});

interface Row {
  title: string;
  from: Json;
  config?: Json;
  system?: string;
  warnings?: string[];
}

const inWords = `Respond with one JSON value that conforms to this JSON schema, and nothing else: ${JSON.stringify(person)}`;

const rows: Row[] = [
  { title: "text", from: { response_format: { type: "text" } } },
  {
    title: "a schema",
    from: bySchema({ schema: person }),
    config: { format: { type: "json_schema", schema: closedPerson } },
  },
  {
    title: "a schema and an effort",
    from: {
      ...bySchema({ schema: person, strict: true }),
      model: "claude-sonnet-4-6",
      reasoning_effort: "low",
    },
    config: { effort: "low", format: { type: "json_schema", schema: closedPerson } },
  },
  {
    title: "a schema with a description, which has no place",
    from: bySchema({ schema: person, description: "who" }),
    config: { format: { type: "json_schema", schema: closedPerson } },
    warnings: ["response_format.description dropped"],
  },
  {
    title: "a schema that is not strict",
    from: bySchema({ schema: person, strict: false }),
    system: inWords,
  },
  {
    title: "a schema on an older model",
    from: { model: "claude-3-7-sonnet-latest", ...bySchema({ schema: person, strict: true }) },
    system: inWords,
    warnings: ["response_format downgraded"],
  },
  {
    title: "a schema together with a prefill, which exclude each other",
    from: {
      ...bySchema({ schema: person, description: "who" }),
      messages: [
        { role: "user", content: "q" },
        { role: "assistant", content: "{" },
      ],
    },
    system: `Respond with one JSON value that conforms to this JSON schema (who), and nothing else: ${JSON.stringify(person)}`,
    warnings: ["response_format downgraded"],
  },
  {
    title: "any JSON object",
    from: { response_format: { type: "json_object" } },
    system: "Respond with exactly one JSON object and nothing else.",
    warnings: ["response_format downgraded"],
  },
  {
    title: "a schema that is missing",
    from: bySchema({}),
    system: "Respond with exactly one JSON object and nothing else.",
    warnings: ["response_format downgraded"],
  },
];

for (const { title, from, config, system, warnings = [] } of rows) {
  test(`response_format: ${title}`, () => {
    const { body, warnings: found } = toClaude(request(from));
    const thinking = from.reasoning_effort ? { type: "adaptive", display: "summarized" } : undefined;
    assert.deepEqual(body.output_config, config);
    assert.deepEqual(body.system, system && [{ type: "text", text: system }]);
    assert.deepEqual(body.thinking, thinking);
    assert.deepEqual(found, warnings);
  });
}

const schemas: { title: string; from: Json; to: Json }[] = [
  {
    title: "$schema says nothing",
    from: { $schema: "https://json-schema.org/draft/2020-12/schema", type: "string" },
    to: { type: "string" },
  },
  {
    title: "titles and descriptions stay",
    from: { type: "string", title: "T", description: "D" },
    to: { type: "string", title: "T", description: "D" },
  },
  {
    title: "what is not enforced follows the description",
    from: { type: "string", description: "D", maxLength: 5, pattern: "^a", default: "a" },
    to: { type: "string", description: 'D\n\n{maxLength: 5, pattern: "^a", default: "a"}' },
  },
  {
    title: "literals stay",
    from: { type: "string", enum: ["a", "b"] },
    to: { type: "string", enum: ["a", "b"] },
  },
  { title: "a constant stays", from: { const: null }, to: { const: null } },
  {
    title: "literals that are objects are told",
    from: { enum: [{ a: 1 }] },
    to: { description: '{enum: [{"a":1}]}' },
  },
  {
    title: "oneOf becomes anyOf",
    from: { oneOf: [{ type: "string" }, { type: "null" }] },
    to: { anyOf: [{ type: "string" }, { type: "null" }] },
  },
  {
    title: "anyOf and allOf are gone through",
    from: {
      anyOf: [{ type: "object", properties: { a: { type: "number", maximum: 3 } } }],
      allOf: [{ type: "string", minLength: 1 }],
    },
    to: {
      anyOf: [
        {
          type: "object",
          properties: { a: { type: "number", description: "{maximum: 3}" } },
          additionalProperties: false,
        },
      ],
      allOf: [{ type: "string", description: "{minLength: 1}" }],
    },
  },
  {
    title: "a reference stands alone",
    from: { $ref: "#/$defs/a", description: "gone" },
    to: { $ref: "#/$defs/a" },
  },
  {
    title: "definitions are gone through",
    from: { $defs: { a: { type: "integer", minimum: 0 } }, $ref: "#/$defs/a" },
    to: { $defs: { a: { type: "integer", description: "{minimum: 0}" } }, $ref: "#/$defs/a" },
  },
  {
    title: "the older place of definitions is moved",
    from: {
      definitions: { a: { type: "string" } },
      type: "object",
      properties: { x: { $ref: "#/definitions/a" } },
    },
    to: {
      $defs: { a: { type: "string" } },
      type: "object",
      properties: { x: { $ref: "#/$defs/a" } },
      additionalProperties: false,
    },
  },
  {
    title: "known formats stay",
    from: { type: "string", format: "date-time" },
    to: { type: "string", format: "date-time" },
  },
  {
    title: "other formats are told",
    from: { type: "string", format: "ipv9" },
    to: { type: "string", description: '{format: "ipv9"}' },
  },
  {
    title: "one item at least stays",
    from: { type: "array", items: { type: "string" }, minItems: 1 },
    to: { type: "array", items: { type: "string" }, minItems: 1 },
  },
  {
    title: "two items at least are told",
    from: { type: "array", items: { type: "string" }, minItems: 2, maxItems: 3 },
    to: { type: "array", items: { type: "string" }, description: "{minItems: 2, maxItems: 3}" },
  },
  {
    title: "an object without properties is closed",
    from: { type: "object" },
    to: { type: "object", properties: {}, additionalProperties: false },
  },
  {
    title: "an object that may be null is closed",
    from: { type: ["object", "null"], properties: { a: {} } },
    to: { type: ["object", "null"], properties: { a: {} }, additionalProperties: false },
  },
  {
    title: "an object that was open is closed",
    from: { type: "object", properties: {}, additionalProperties: true },
    to: { type: "object", properties: {}, additionalProperties: false },
  },
  {
    title: "what further properties look like is told",
    from: { type: "object", additionalProperties: { type: "number" } },
    to: {
      type: "object",
      properties: {},
      additionalProperties: false,
      description: '{additionalProperties: {"type":"number"}}',
    },
  },
  {
    title: "a property named like a prototype is a property",
    from: JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string","maxLength":1}}}'),
    to: JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"string","description":"{maxLength: 1}"}},"additionalProperties":false}',
    ),
  },
];

for (const { title, from, to } of schemas) {
  test(`schema: ${title}`, () => assert.deepEqual(transformSchema(from), to));
}

const weakened: { what: string; schema: Json; warns: boolean }[] = [
  { what: "a limit deep inside", schema: inObject({ type: "array", items: { maxLength: 5 } }), warns: true },
  {
    what: "a limit in a definition",
    schema: { $defs: { X: { minimum: 1 } }, $ref: "#/$defs/X" },
    warns: true,
  },
  { what: "words beside a reference", schema: inObject({ $ref: "#", description: "D" }), warns: true },
  { what: "a schema for an object's others", schema: inObject({}, { type: "string" }), warns: true },
  { what: "what is enforced", schema: inObject({ type: "array", minItems: 1, title: "T" }), warns: false },
  { what: "what constrains nothing", schema: inObject({ default: 1, examples: [1] }), warns: false },
];

function inObject(property: Json, others: unknown = false): Json {
  return { type: "object", properties: { a: property }, additionalProperties: others };
}

for (const { what, schema, warns } of weakened) {
  test(`a schema with ${what} is ${warns ? "" : "not "}reported as weakened`, () => {
    const { warnings } = toClaude(
      request({ response_format: { type: "json_schema", json_schema: { schema } } }),
    );
    assert.deepEqual(warnings, warns ? ["response_format.schema downgraded"] : []);
  });
}

const refused: { from: unknown; param: string }[] = [
  { from: "json", param: "response_format" },
  { from: {}, param: "response_format.type" },
  { from: { type: "xml" }, param: "response_format.type" },
  { from: { type: "json_schema" }, param: "response_format.json_schema" },
  {
    from: { type: "json_schema", json_schema: { schema: "x" } },
    param: "response_format.json_schema.schema",
  },
  { from: { type: "json_schema", json_schema: { strict: 1 } }, param: "response_format.json_schema.strict" },
];

for (const { from, param } of refused) {
  test(`a response_format of ${JSON.stringify(from)} is refused, and ${param} named`, () => {
    assert.throws(
      () => toClaude(request({ response_format: from })),
      (error) =>
        error instanceof InvalidChatRequest &&
        error.param === param &&
        error.message.startsWith(`${param}: `),
    );
  });
}
