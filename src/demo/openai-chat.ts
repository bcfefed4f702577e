// The simulated OpenAI API's Chat Completions, whole and streamed.

import { isObject, type JsonObject } from "../json/json-values.ts";
import { asText, type DemoAnswer, type DemoRequest, jsonAnswer, objects } from "./answer.ts";
import { limited, limitHeaders, refuseParameter } from "./openai-errors.ts";
import { countTokens, makeId, replyTo, sampleOf, splitReply } from "./text.ts";

export function chatCompletions(request: DemoRequest): DemoAnswer {
  const { body, account, now, number } = request;
  if (typeof body.model !== "string") return refuseParameter("Missing required parameter: 'model'.", "model");
  if (objects(body.messages).length === 0) {
    return refuseParameter("Missing required parameter: 'messages'.", "messages");
  }
  const until = account.spend(now);
  if (until !== undefined) return limited(request, until);
  const completion = compose(request);
  const headers = { "x-request-id": makeId("req_", number), ...limitHeaders(request) };
  if (body.stream !== true) return jsonAnswer(200, documentOf(completion), headers);
  return {
    status: 200,
    headers: { ...headers, "content-type": "text/event-stream; charset=utf-8" },
    pieces: streamOf(completion, { includesUsage: asksForUsage(body) }),
  };
}

interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

interface Completion {
  id: string;
  /** Unix seconds. */
  created: number;
  model: string;
  answer: { kind: "text"; text: string } | { kind: "tool"; call: ToolCall };
  usage: JsonObject;
}

function compose({ body, number, now }: DemoRequest): Completion {
  const model = String(body.model);
  const tool = forcedTool(body);
  const answer: Completion["answer"] = tool
    ? { kind: "tool", call: callOf(tool, number) }
    : { kind: "text", text: wantedText(body, model) };
  return {
    id: makeId("chatcmpl-", number),
    created: Math.floor(now / 1000),
    model,
    answer,
    usage: usageOf(body, answer),
  };
}

/** Only when the request insists: an agent would really run a tool that was called of our own accord. */
function forcedTool(body: JsonObject): JsonObject | undefined {
  const functions = objects(body.tools).map((tool) => (isObject(tool.function) ? tool.function : {}));
  const choice = body.tool_choice;
  if (choice === "required") return functions[0];
  const named = isObject(choice) && isObject(choice.function) ? choice.function.name : undefined;
  return named === undefined ? undefined : functions.find(({ name }) => name === named);
}

function callOf(tool: JsonObject, number: number): ToolCall {
  return {
    id: makeId("call_", number),
    name: String(tool.name),
    arguments: JSON.stringify(sampleOf(tool.parameters)),
  };
}

function wantedText(body: JsonObject, model: string): string {
  const format = isObject(body.response_format) ? body.response_format : {};
  if (format.type === "json_schema" && isObject(format.json_schema)) {
    return JSON.stringify(sampleOf(format.json_schema.schema));
  }
  if (format.type === "json_object") return JSON.stringify({ simulated: true });
  return replyTo(lastPrompt(body), model);
}

function lastPrompt(body: JsonObject): string {
  const content = objects(body.messages).findLast(({ role }) => role === "user")?.content;
  if (typeof content === "string") return content;
  return asText(objects(content).findLast(({ type }) => type === "text")?.text) ?? "";
}

function usageOf(body: JsonObject, answer: Completion["answer"]): JsonObject {
  const prompt = countTokens(JSON.stringify([body.tools ?? [], body.messages]));
  const completion = countTokens(answer.kind === "text" ? answer.text : JSON.stringify(answer.call));
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

function documentOf({ id, created, model, answer, usage }: Completion): JsonObject {
  const message = { role: "assistant", refusal: null, ...contentOf(answer) };
  return {
    id,
    object: "chat.completion",
    created,
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishOf(answer) }],
    usage,
    service_tier: "default",
  };
}

function contentOf(answer: Completion["answer"]): JsonObject {
  return answer.kind === "text"
    ? { content: answer.text }
    : { content: null, tool_calls: [functionCall(answer.call)] };
}

function functionCall({ id, name, arguments: written }: ToolCall): JsonObject {
  return { id, type: "function", function: { name, arguments: written } };
}

function finishOf({ kind }: Completion["answer"]): string {
  return kind === "text" ? "stop" : "tool_calls";
}

function asksForUsage({ stream_options: options }: JsonObject): boolean {
  return isObject(options) && options.include_usage === true;
}

/** With usage every chunk has the member, and one of its own, without choices, has the figures. */
function streamOf(completion: Completion, { includesUsage }: { includesUsage: boolean }): string[] {
  const { id, created, model, answer, usage } = completion;
  const base = { id, object: "chat.completion.chunk", created, model, service_tier: "default" };
  const line = (rest: JsonObject) =>
    `data: ${JSON.stringify({ ...base, ...(includesUsage && { usage: null }), ...rest })}\n\n`;
  const chunk = (delta: JsonObject, finish: string | null = null) =>
    line({ choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
  const content =
    answer.kind === "text"
      ? splitReply(answer.text).map((piece) => ({ content: piece }))
      : callDeltas(answer);
  return [
    chunk({ role: "assistant", content: answer.kind === "text" ? "" : null, refusal: null }),
    ...content.map((delta) => chunk(delta)),
    [
      chunk({}, finishOf(answer)),
      ...(includesUsage ? [line({ choices: [], usage })] : []),
      "data: [DONE]\n\n",
    ].join(""),
  ];
}

/** The name comes first, the arguments after it. */
function callDeltas({ call }: { call: ToolCall }): JsonObject[] {
  return [
    { tool_calls: [{ index: 0, ...functionCall({ ...call, arguments: "" }) }] },
    { tool_calls: [{ index: 0, function: { arguments: call.arguments } }] },
  ];
}
