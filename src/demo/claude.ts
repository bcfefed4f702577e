// The simulated Claude API: Messages with its streams, token counting, models and limits.

import { isObject, type JsonObject } from "../json/json-values.ts";
import {
  asText,
  type DemoAnswer,
  type DemoRequest,
  jsonAnswer,
  objects,
  type SimulatedProvider,
} from "./answer.ts";
import { countTokens, makeId, makeOpaque, replyTo, sampleOf, splitReply, thoughts } from "./text.ts";

export const claudeDemo: SimulatedProvider = {
  family: "claude",
  readKey(headers) {
    const bearer = /^Bearer (.+)$/i.exec(String(headers.authorization ?? ""))?.[1];
    return asText(headers["x-api-key"]) ?? bearer;
  },
  answer(request) {
    const { method, path } = request;
    if (method === "POST" && path === "/v1/messages") return messages(request);
    if (method === "POST" && path === "/v1/messages/count_tokens") {
      return jsonAnswer(200, { input_tokens: measure(request.body).total }, baseHeaders(request));
    }
    if (method === "GET" && path.startsWith("/v1/models")) return models(request);
    if (method === "HEAD" || method === "GET") {
      if (path === "/" || path === "/api/hello") return { status: 200, headers: {}, pieces: [] };
    }
    return error(404, "not_found_error", "Not found: the demo has no such route.");
  },
  refuse(status, message) {
    return error(status, status === 401 ? "authentication_error" : "invalid_request_error", message);
  },
};

const modelIds = ["claude-demo-large", "claude-demo-small"];

function messages(request: DemoRequest): DemoAnswer {
  const { body, account, now } = request;
  const fault = findFault(body);
  if (fault) return error(400, "invalid_request_error", fault, baseHeaders(request));
  const until = account.spend(now);
  if (until !== undefined) return limited(request, until);
  const message = compose(request);
  const headers = { ...baseHeaders(request), ...windowHeaders(request) };
  if (body.stream !== true) return jsonAnswer(200, message, headers);
  return {
    status: 200,
    headers: { ...headers, "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
    pieces: streamOf(message),
  };
}

function findFault(body: JsonObject): string | undefined {
  if (typeof body.model !== "string") return "model: Field required";
  if (typeof body.max_tokens !== "number") return "max_tokens: Field required";
  if (!Array.isArray(body.messages) || body.messages.length === 0)
    return "messages: at least one message is required";
  return undefined;
}

interface Message extends JsonObject {
  content: JsonObject[];
  usage: { output_tokens: number } & JsonObject;
}

function compose({ body, account, number }: DemoRequest): Message {
  const model = String(body.model);
  const content: JsonObject[] = [];
  const thinking = isObject(body.thinking) ? body.thinking : undefined;
  if (thinking && thinking.type !== "disabled") {
    content.push({
      type: "thinking",
      // Newer models show their thoughts on request only.
      thinking: thinking.display === "summarized" || thinking.type === "enabled" ? thoughts : "",
      signature: makeOpaque(`thinking ${number}`),
    });
  }
  const tool = forcedTool(body);
  content.push(
    tool
      ? {
          type: "tool_use",
          id: makeId("toolu_", number),
          name: tool.name,
          input: sampleOf(tool.input_schema),
        }
      : { type: "text", text: wantedText(body, model) },
  );
  const { total, prefix } = measure(body);
  const isCached = prefix > 0 && account.recall(JSON.stringify([model, body.system, body.tools]));
  return {
    id: makeId("msg_", number),
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: tool ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: {
      input_tokens: total - prefix,
      cache_creation_input_tokens: isCached ? 0 : prefix,
      cache_read_input_tokens: isCached ? prefix : 0,
      cache_creation: { ephemeral_5m_input_tokens: isCached ? 0 : prefix, ephemeral_1h_input_tokens: 0 },
      output_tokens: countTokens(JSON.stringify(content)),
      service_tier: "standard",
    },
  };
}

/** Only when the request insists: an agent would really run a tool that was called of our own accord. */
function forcedTool(body: JsonObject): JsonObject | undefined {
  const choice = isObject(body.tool_choice) ? body.tool_choice : {};
  const tools = objects(body.tools);
  if (choice.type === "any") return tools[0];
  return choice.type === "tool" ? tools.find(({ name }) => name === choice.name) : undefined;
}

function wantedText(body: JsonObject, model: string): string {
  const output = isObject(body.output_config) ? body.output_config : {};
  const format = isObject(output.format) ? output.format : body.output_format;
  if (isObject(format) && format.type === "json_schema") return JSON.stringify(sampleOf(format.schema));
  const last = objects(body.messages).findLast(({ role }) => role === "user");
  return replyTo(textOf(last?.content), model);
}

/** The last text block: what comes before it is what clients add to a prompt. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return asText(objects(content).findLast(({ type }) => type === "text")?.text) ?? "";
}

/** Tokens of the whole prompt, and of the part that a cache would hold. */
function measure(body: JsonObject): { total: number; prefix: number } {
  const start = JSON.stringify([body.system ?? "", body.tools ?? []]);
  const total = countTokens(start) + countTokens(JSON.stringify(body.messages ?? []));
  const isMarked = start.includes('"cache_control"') || body.cache_control !== undefined;
  return { total, prefix: isMarked ? countTokens(start) : 0 };
}

function streamOf(message: Message): string[] {
  const { content, usage, stop_reason, stop_sequence, ...rest } = message;
  const start = {
    ...rest,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...usage, output_tokens: 1 },
  };
  const blocks = content.flatMap((block, index) => {
    const { empty, deltas } = takeApart(block);
    return [
      event("content_block_start", { index, content_block: empty }) + (index === 0 ? event("ping", {}) : ""),
      ...deltas.map((delta) => event("content_block_delta", { index, delta })),
      event("content_block_stop", { index }),
    ];
  });
  return [
    event("message_start", { message: start }),
    ...blocks,
    event("message_delta", {
      delta: { stop_reason, stop_sequence },
      usage: { output_tokens: usage.output_tokens },
    }) + event("message_stop", {}),
  ];
}

/** A content block as its stream begins it, and the deltas that complete it. */
function takeApart(block: JsonObject): { empty: JsonObject; deltas: JsonObject[] } {
  switch (block.type) {
    case "thinking":
      return {
        empty: { type: "thinking", thinking: "", signature: "" },
        deltas: [
          ...(block.thinking === "" ? [] : splitReply(String(block.thinking))).map((thinking) => ({
            type: "thinking_delta",
            thinking,
          })),
          { type: "signature_delta", signature: block.signature },
        ],
      };
    case "tool_use":
      return {
        empty: { ...block, input: {} },
        deltas: ["", ...split(JSON.stringify(block.input), 8)].map((partial_json) => ({
          type: "input_json_delta",
          partial_json,
        })),
      };
    default:
      return {
        empty: { type: "text", text: "" },
        deltas: splitReply(String(block.text)).map((text) => ({ type: "text_delta", text })),
      };
  }
}

function split(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
}

function event(name: string, data: JsonObject): string {
  return `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`;
}

function models({ path }: DemoRequest): DemoAnswer {
  const data = modelIds.map((id) => ({
    id,
    type: "model",
    display_name: `${id} (simulated)`,
    created_at: "2026-01-01T00:00:00Z",
  }));
  if (path === "/v1/models") {
    return jsonAnswer(200, { data, has_more: false, first_id: modelIds[0], last_id: modelIds.at(-1) });
  }
  const found = data.find(({ id }) => path === `/v1/models/${id}`);
  return found
    ? jsonAnswer(200, found)
    : error(404, "not_found_error", `model: ${path.slice("/v1/models/".length)}`);
}

/** As a subscription's five hour window is refused: the headers say which one, and until when. */
function limited(request: DemoRequest, until: number): DemoAnswer {
  const message = "This request would exceed your account's rate limit. Please try again later. (simulated)";
  return error(429, "rate_limit_error", message, {
    ...baseHeaders(request),
    ...windowHeaders(request, until),
    "retry-after": String(Math.ceil((until - request.now) / 1000)),
  });
}

function windowHeaders({ account, now }: DemoRequest, until?: number): Record<string, string> {
  const { fiveHour, week } = account.windows(now);
  const seconds = (at: number) => String(Math.floor(at / 1000));
  const fiveHourReset = seconds(fiveHour.resetsAt);
  const status = until === undefined ? "allowed" : "rejected";
  const prefix = "anthropic-ratelimit-unified";
  return {
    [`${prefix}-status`]: status,
    [`${prefix}-reset`]: fiveHourReset,
    [`${prefix}-representative-claim`]: "five_hour",
    [`${prefix}-5h-status`]: status,
    [`${prefix}-5h-reset`]: fiveHourReset,
    [`${prefix}-5h-utilization`]: String(fiveHour.used),
    [`${prefix}-7d-status`]: "allowed",
    [`${prefix}-7d-reset`]: seconds(week.resetsAt),
    [`${prefix}-7d-utilization`]: String(week.used),
  };
}

function baseHeaders({ number }: DemoRequest): Record<string, string> {
  return { "request-id": makeId("req_", number) };
}

function error(
  status: number,
  type: string,
  message: string,
  headers: Record<string, string> = {},
): DemoAnswer {
  const id = headers["request-id"];
  return jsonAnswer(
    status,
    { type: "error", error: { type, message }, ...(id ? { request_id: id } : {}) },
    headers,
  );
}
