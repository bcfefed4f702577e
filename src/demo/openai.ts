// The simulated OpenAI API: its routes, Responses with streams and stored answers, and models.

import { isObject, type JsonObject } from "../json/json-values.ts";
import {
  asText,
  type DemoAnswer,
  type DemoRequest,
  jsonAnswer,
  objects,
  type SimulatedProvider,
} from "./answer.ts";
import { chatCompletions } from "./openai-chat.ts";
import { limited, limitHeaders, openaiError, refuseParameter } from "./openai-errors.ts";
import { countTokens, makeId, makeOpaque, replyTo, sampleOf, splitReply, thoughts } from "./text.ts";

export const openaiDemo: SimulatedProvider = {
  family: "openai",
  readKey(headers) {
    return /^Bearer (.+)$/i.exec(String(headers.authorization ?? ""))?.[1];
  },
  answer(request) {
    const { method, path } = request;
    if (method === "POST" && path === "/v1/responses") return responses(request);
    if (method === "POST" && path === "/v1/responses/compact") return compact(request);
    if (method === "POST" && path === "/v1/responses/input_tokens") {
      return jsonAnswer(200, { object: "response.input_tokens", input_tokens: promptTokens(request.body) });
    }
    if (path.startsWith("/v1/responses/")) return stored(request);
    if (method === "POST" && path === "/v1/chat/completions") return chatCompletions(request);
    if (method === "GET" && path.startsWith("/v1/models")) return models(path);
    return openaiError(404, {
      message: `Unknown request URL: ${method} ${path} (simulated)`,
      type: "invalid_request_error",
    });
  },
  refuse(status, message) {
    const code = status === 401 ? "invalid_api_key" : null;
    return openaiError(status, { message, type: "invalid_request_error", code });
  },
};

const modelIds = ["gpt-demo-large", "gpt-demo-small"];

function responses(request: DemoRequest): DemoAnswer {
  const { body, account, now, number } = request;
  const fault = findFault(request);
  if (fault) return fault;
  const until = account.spend(now);
  if (until !== undefined) return limited(request, until);
  const response = compose(request);
  if (body.store !== false) account.store(String(response.id), response);
  const headers = {
    "x-request-id": makeId("req_", number),
    "openai-model": String(body.model),
    ...limitHeaders(request),
  };
  if (body.stream !== true) return jsonAnswer(200, response, headers);
  return {
    status: 200,
    headers: { ...headers, "content-type": "text/event-stream; charset=utf-8" },
    pieces: streamOf(response),
  };
}

function findFault({ body, account }: DemoRequest): DemoAnswer | undefined {
  if (typeof body.model !== "string") return refuseParameter("Missing required parameter: 'model'.", "model");
  if (body.input === undefined) return refuseParameter("Missing required parameter: 'input'.", "input");
  const previous = body.previous_response_id;
  if (typeof previous === "string" && !account.stored.has(previous)) {
    return refuseParameter(
      `Previous response with id '${previous}' not found.`,
      "previous_response_id",
      "previous_response_not_found",
    );
  }
  return undefined;
}

interface Response extends JsonObject {
  output: JsonObject[];
}

function compose({ body, number, now }: DemoRequest): Response {
  const model = String(body.model);
  const output: JsonObject[] = [];
  if (isObject(body.reasoning)) output.push(reasoningItem(body, number));
  const tool = forcedTool(body);
  output.push(
    tool
      ? {
          id: makeId("fc_", number),
          type: "function_call",
          status: "completed",
          call_id: makeId("call_", number),
          name: tool.name,
          arguments: JSON.stringify(sampleOf(tool.parameters)),
        }
      : {
          id: makeId("msg_", number),
          type: "message",
          status: "completed",
          role: "assistant",
          content: [{ type: "output_text", text: wantedText(body, model), annotations: [] }],
        },
  );
  return {
    id: makeId("resp_", number),
    object: "response",
    created_at: Math.floor(now / 1000),
    status: "completed",
    error: null,
    incomplete_details: null,
    model,
    output,
    previous_response_id: body.previous_response_id ?? null,
    store: body.store !== false,
    usage: usageOf(body, output),
    service_tier: "default",
    metadata: {},
  };
}

function reasoningItem(body: JsonObject, number: number): JsonObject {
  const include = Array.isArray(body.include) ? body.include : [];
  return {
    id: makeId("rs_", number),
    type: "reasoning",
    summary: [{ type: "summary_text", text: thoughts }],
    ...(include.includes("reasoning.encrypted_content")
      ? { encrypted_content: makeOpaque(`reasoning ${number}`) }
      : {}),
  };
}

/** Only when the request insists: an agent would really run a tool that was called of our own accord. */
function forcedTool(body: JsonObject): JsonObject | undefined {
  const functions = objects(body.tools).filter(({ type }) => type === "function");
  const choice = body.tool_choice;
  if (choice === "required") return functions[0];
  return isObject(choice) ? functions.find(({ name }) => name === choice.name) : undefined;
}

function wantedText(body: JsonObject, model: string): string {
  const format = isObject(body.text) && isObject(body.text.format) ? body.text.format : {};
  if (format.type === "json_schema") return JSON.stringify(sampleOf(format.schema));
  return replyTo(lastPrompt(body.input), model);
}

function lastPrompt(input: unknown): string {
  if (typeof input === "string") return input;
  const content = objects(input).findLast(({ role }) => role === "user")?.content;
  if (typeof content === "string") return content;
  return asText(objects(content).findLast(({ type }) => type === "input_text")?.text) ?? "";
}

function promptTokens(body: JsonObject): number {
  return countTokens(JSON.stringify([body.instructions ?? "", body.tools ?? [], body.input ?? ""]));
}

function usageOf(body: JsonObject, output: JsonObject[]): JsonObject {
  const input = promptTokens(body);
  const generated = countTokens(JSON.stringify(output));
  const reasoning = output.some(({ type }) => type === "reasoning") ? countTokens(thoughts) : 0;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: generated,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + generated,
  };
}

function streamOf(response: Response): string[] {
  let sequence = 0;
  const event = (type: string, data: JsonObject) => {
    const text = `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence, ...data })}\n\n`;
    sequence += 1;
    return text;
  };
  const begun = { ...response, status: "in_progress", output: [], usage: null };
  const pieces = [
    event("response.created", { response: begun }) + event("response.in_progress", { response: begun }),
  ];
  response.output.forEach((item, output_index) => {
    pieces.push(...streamItem(item, output_index, event));
  });
  pieces.push(event("response.completed", { response }));
  return pieces;
}

function streamItem(
  item: JsonObject,
  output_index: number,
  event: (type: string, data: JsonObject) => string,
): string[] {
  const at = { item_id: item.id, output_index };
  const added = (empty: JsonObject) =>
    event("response.output_item.added", { output_index, item: { ...item, status: "in_progress", ...empty } });
  const done = () => event("response.output_item.done", { output_index, item });
  const part = objects(item.content)[0] ?? objects(item.summary)[0];
  switch (item.type) {
    case "function_call":
      return [
        added({ arguments: "" }),
        event("response.function_call_arguments.delta", { ...at, delta: item.arguments }),
        event("response.function_call_arguments.done", { ...at, arguments: item.arguments }),
        done(),
      ];
    case "reasoning": {
      const text = String(part?.text);
      const summary = { ...at, summary_index: 0 };
      const empty = { type: "summary_text", text: "" };
      return [
        added({ summary: [] }) + event("response.reasoning_summary_part.added", { ...summary, part: empty }),
        ...splitReply(text).map((delta) =>
          event("response.reasoning_summary_text.delta", { ...summary, delta }),
        ),
        event("response.reasoning_summary_text.done", { ...summary, text }) +
          event("response.reasoning_summary_part.done", { ...summary, part }) +
          done(),
      ];
    }
    default: {
      const text = String(part?.text);
      const content = { ...at, content_index: 0 };
      return [
        added({ content: [] }) +
          event("response.content_part.added", { ...content, part: { ...part, text: "" } }),
        ...splitReply(text).map((delta) => event("response.output_text.delta", { ...content, delta })),
        event("response.output_text.done", { ...content, text }) +
          event("response.content_part.done", { ...content, part }) +
          done(),
      ];
    }
  }
}

/** What Codex sends on in place of a long conversation. */
function compact(request: DemoRequest): DemoAnswer {
  const { body, account, now, number } = request;
  const fault = findFault(request);
  if (fault) return fault;
  const until = account.spend(now);
  if (until !== undefined) return limited(request, until);
  const output = [
    ...objects(body.input).filter(({ role }) => role === "user"),
    { id: makeId("cmp_", number), type: "compaction", encrypted_content: makeOpaque(`compaction ${number}`) },
  ];
  return jsonAnswer(200, {
    id: makeId("resp_", number),
    object: "response.compaction",
    created_at: Math.floor(now / 1000),
    output,
    usage: usageOf(body, output),
  });
}

function stored({ method, path, account }: DemoRequest): DemoAnswer {
  const id = path.slice("/v1/responses/".length);
  const response = account.stored.get(id);
  if (response === undefined) {
    return openaiError(404, {
      message: `Response with id '${id}' not found.`,
      type: "invalid_request_error",
    });
  }
  if (method === "GET") return jsonAnswer(200, response);
  if (method === "DELETE") {
    account.stored.delete(id);
    return jsonAnswer(200, { id, object: "response", deleted: true });
  }
  return openaiError(405, { message: `Not allowed: ${method}`, type: "invalid_request_error" });
}

function models(path: string): DemoAnswer {
  const data = modelIds.map((id) => ({
    id,
    object: "model",
    created: 1_767_225_600,
    owned_by: "cc-relay-demo",
  }));
  if (path === "/v1/models") return jsonAnswer(200, { object: "list", data });
  const found = data.find(({ id }) => path === `/v1/models/${id}`);
  if (found) return jsonAnswer(200, found);
  const message = `The model '${path.slice("/v1/models/".length)}' does not exist (simulated)`;
  return openaiError(404, { message, type: "invalid_request_error", code: "model_not_found" });
}
