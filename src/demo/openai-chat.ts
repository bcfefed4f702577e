// The simulated OpenAI API's Chat Completions, whole and streamed.

import { isObject, type JsonObject } from "../json/json-values.ts";
import {
  asText,
  type DemoAnswer,
  type DemoRequest,
  jsonAnswer,
  objects,
  spentTokens,
  streamAnswer,
} from "./answer.ts";
import { limited, limitHeaders, refuseParameter } from "./openai-errors.ts";
import { type ChatGeneration, chatChunks, chatCompletion } from "./provider/chat.ts";
import type { ContentPiece } from "./provider/generation.ts";
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
  if (body.stream !== true) return jsonAnswer(200, chatCompletion(completion), headers);
  return streamAnswer(chatChunks(completion), { headers });
}

function compose({ body, number, now }: DemoRequest): ChatGeneration {
  const model = String(body.model);
  const tool = forcedTool(body);
  const said: ContentPiece = tool
    ? { kind: "tool", id: makeId("call_", number), name: String(tool.name), input: sampleOf(tool.parameters) }
    : { kind: "text", text: wantedText(body, model) };
  return {
    id: makeId("chatcmpl-", number),
    created: Math.floor(now / 1000),
    model,
    pieces: [said],
    usage: spentTokens({
      input: countTokens(JSON.stringify([body.tools ?? [], body.messages])),
      output: countTokens(said.kind === "text" ? said.text : JSON.stringify(said)),
    }),
    split: splitReply,
    includeUsage: isObject(body.stream_options) && body.stream_options.include_usage === true,
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
