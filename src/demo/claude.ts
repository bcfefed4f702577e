// The simulated Claude API: Messages with its streams, token counting, models and limits.

import { isObject, type JsonObject } from "../json/json-values.ts";
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
import {
  claudeErrorBody,
  claudeEvents,
  claudeLimits,
  claudeMessage,
  claudeModelEntry,
  claudeModelList,
} from "./provider/claude.ts";
import type { ContentPiece, Generation, WireEvent } from "./provider/generation.ts";
import { countTokens, makeId, replyTo, sampleOf, splitReply, thoughts } from "./text.ts";

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
    return error(404, "Not found: the demo has no such route.");
  },
  refuse(status, message) {
    return error(status, message);
  },
};

const modelIds = ["claude-demo-large", "claude-demo-small"];

function messages(request: DemoRequest): DemoAnswer {
  const { body, account, now } = request;
  const fault = findFault(body);
  if (fault) return error(400, fault, baseHeaders(request));
  const until = account.spend(now);
  if (until !== undefined) return limited(request, until);
  const message = compose(request);
  const headers = { ...baseHeaders(request), ...windowHeaders(request) };
  if (body.stream !== true) return jsonAnswer(200, claudeMessage(message), headers);
  return streamAnswer(withPing(claudeEvents(message)), { headers });
}

function* withPing(events: Iterable<WireEvent>): Generator<WireEvent> {
  let number = 0;
  for (const event of events) {
    yield event;
    number += 1;
    // After the beginning of the message and of its first block.
    if (number === 2) yield { name: "ping", data: { type: "ping" } };
  }
}

function findFault(body: JsonObject): string | undefined {
  if (typeof body.model !== "string") return "model: Field required";
  if (typeof body.max_tokens !== "number") return "max_tokens: Field required";
  if (!Array.isArray(body.messages) || body.messages.length === 0)
    return "messages: at least one message is required";
  return undefined;
}

function compose({ body, account, number }: DemoRequest): Generation {
  const model = String(body.model);
  const pieces: ContentPiece[] = [];
  const thinking = isObject(body.thinking) ? body.thinking : undefined;
  if (thinking && thinking.type !== "disabled") {
    // Newer models show their thoughts on request only.
    const isShown = thinking.display === "summarized" || thinking.type === "enabled";
    pieces.push({ kind: "thinking", text: isShown ? thoughts : "" });
  }
  const tool = forcedTool(body);
  pieces.push(
    tool
      ? {
          kind: "tool",
          id: makeId("toolu_", number),
          name: String(tool.name),
          input: sampleOf(tool.input_schema),
        }
      : { kind: "text", text: wantedText(body, model) },
  );
  const { total, prefix } = measure(body);
  const isCached = prefix > 0 && account.recall(JSON.stringify([model, body.system, body.tools]));
  const usage = spentTokens({
    input: total - prefix,
    cacheWrite5m: isCached ? 0 : prefix,
    cacheRead: isCached ? prefix : 0,
    output: countTokens(JSON.stringify(pieces)),
  });
  return { id: makeId("msg_", number), model, pieces, usage, split: splitReply };
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

function models({ path }: DemoRequest): DemoAnswer {
  if (path === "/v1/models") return jsonAnswer(200, claudeModelList(modelIds));
  const id = path.slice("/v1/models/".length);
  return modelIds.includes(id) ? jsonAnswer(200, claudeModelEntry(id)) : error(404, `model: ${id}`);
}

/** As a subscription's five hour window is refused: the headers say which one, and until when. */
function limited(request: DemoRequest, until: number): DemoAnswer {
  const message = "This request would exceed your account's rate limit. Please try again later. (simulated)";
  const retryAfter = Math.ceil((until - request.now) / 1000);
  return error(429, message, { ...baseHeaders(request), ...windowHeaders(request, retryAfter) });
}

function windowHeaders({ account, now }: DemoRequest, retryAfter?: number): Record<string, string> {
  const { fiveHour, week } = account.windows(now);
  const seconds = (at: number) => Math.floor(at / 1000);
  const status = retryAfter === undefined ? "allowed" : "rejected";
  const reset = seconds(fiveHour.resetsAt);
  return claudeLimits(
    {
      "5h": { status, reset, utilization: fiveHour.used },
      "7d": { status: "allowed", reset: seconds(week.resetsAt), utilization: week.used },
    },
    { status, reset, claim: "five_hour", retryAfter },
  );
}

function baseHeaders({ number }: DemoRequest): Record<string, string> {
  return { "request-id": makeId("req_", number) };
}

function error(status: number, message: string, headers: Record<string, string> = {}): DemoAnswer {
  return jsonAnswer(status, claudeErrorBody(status, { message, requestId: headers["request-id"] }), headers);
}
