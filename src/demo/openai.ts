// The simulated OpenAI API: its routes, Responses with streams and stored answers, and models.

import { isObject, type JsonObject } from "../json/json-values.ts";
import type { TokenCounts } from "../usage/observer.ts";
import {
  asText,
  type DemoAnswer,
  type DemoRequest,
  jsonAnswer,
  objects,
  type SimulatedProvider,
  spentTokens,
  streamAnswer,
} from "./answer.ts";
import { chatCompletions } from "./openai-chat.ts";
import { limited, limitHeaders, openaiError, refuseParameter } from "./openai-errors.ts";
import type { ContentPiece } from "./provider/generation.ts";
import {
  openaiEvents,
  openaiModelEntry,
  openaiModelList,
  openaiResponse,
  openaiUsage,
  type ResponseGeneration,
} from "./provider/openai.ts";
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
    return openaiError(404, { message: `Unknown request URL: ${method} ${path} (simulated)` });
  },
  refuse(status, message) {
    const code = status === 401 ? "invalid_api_key" : null;
    return openaiError(status, { message, code });
  },
};

const modelIds = ["gpt-demo-large", "gpt-demo-small"];

function responses(request: DemoRequest): DemoAnswer {
  const { body, account, now, number } = request;
  const fault = findFault(request);
  if (fault) return fault;
  const until = account.spend(now);
  if (until !== undefined) return limited(request, until);
  const generation = compose(request);
  const response = openaiResponse(generation);
  if (body.store !== false) account.store(generation.id, response);
  const headers = {
    "x-request-id": makeId("req_", number),
    "openai-model": String(body.model),
    ...limitHeaders(request),
  };
  if (body.stream !== true) return jsonAnswer(200, response, headers);
  return streamAnswer(openaiEvents(generation), { headers });
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

function compose({ body, number, now }: DemoRequest): ResponseGeneration {
  const model = String(body.model);
  const pieces: ContentPiece[] = [];
  if (isObject(body.reasoning)) pieces.push({ kind: "thinking", text: thoughts });
  const tool = forcedTool(body);
  pieces.push(
    tool
      ? {
          kind: "tool",
          id: makeId("call_", number),
          name: String(tool.name),
          input: sampleOf(tool.parameters),
        }
      : { kind: "text", text: wantedText(body, model) },
  );
  return {
    id: makeId("resp_", number),
    model,
    pieces,
    usage: usageOf(body, pieces),
    split: splitReply,
    announcesParts: true,
    hidesReasoning: !(Array.isArray(body.include) && body.include.includes("reasoning.encrypted_content")),
    itemSuffix: makeId("_", number),
    members: {
      created_at: Math.floor(now / 1000),
      previous_response_id: body.previous_response_id ?? null,
      store: body.store !== false,
      metadata: {},
    },
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

function usageOf(body: JsonObject, output: readonly unknown[]): TokenCounts {
  return spentTokens({
    input: promptTokens(body),
    output: countTokens(JSON.stringify(output)),
    reasoning: isObject(body.reasoning) ? countTokens(thoughts) : 0,
  });
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
    usage: openaiUsage(usageOf(body, output)),
  });
}

function stored({ method, path, account }: DemoRequest): DemoAnswer {
  const id = path.slice("/v1/responses/".length);
  const response = account.stored.get(id);
  if (response === undefined) {
    return openaiError(404, { message: `Response with id '${id}' not found.` });
  }
  if (method === "GET") return jsonAnswer(200, response);
  if (method === "DELETE") {
    account.stored.delete(id);
    return jsonAnswer(200, { id, object: "response", deleted: true });
  }
  return openaiError(405, { message: `Not allowed: ${method}` });
}

function models(path: string): DemoAnswer {
  if (path === "/v1/models") return jsonAnswer(200, openaiModelList(modelIds));
  const id = path.slice("/v1/models/".length);
  if (modelIds.includes(id)) return jsonAnswer(200, openaiModelEntry(id));
  const message = `The model '${id}' does not exist (simulated)`;
  return openaiError(404, { message, code: "model_not_found" });
}
