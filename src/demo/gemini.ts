// The simulated Gemini API: generating in its three forms, counting, embedding, models and limits.

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
  errorInfo,
  geminiChunks,
  geminiErrorBody,
  geminiModelEntry,
  geminiModelList,
  geminiResponse,
  quotaFailure,
  retryInfo,
} from "./provider/gemini.ts";
import type { ContentPiece, Generation } from "./provider/generation.ts";
import { countTokens, makeId, replyTo, sampleOf, splitReply, thoughts } from "./text.ts";

export const geminiDemo: SimulatedProvider = {
  family: "gemini",
  readKey(headers, query) {
    return asText(headers["x-goog-api-key"]) ?? query.get("key") ?? undefined;
  },
  answer(request) {
    const { method, path } = request;
    const call = /^\/v1(?:beta)?\/models\/([^/:]+):(\w+)$/.exec(path);
    if (method === "POST" && call)
      return answerCall(request, decodeURIComponent(call[1] ?? ""), call[2] ?? "");
    if (method === "GET" && /^\/v1(?:beta)?\/models(\/|$)/.test(path)) return models(path);
    return error(404, "The demo has no such route.");
  },
  refuse(status, message) {
    // Google answers a wrong key with 400.
    return error(400, message, status === 401 ? [errorInfo("API_KEY_INVALID")] : undefined);
  },
};

const modelIds = ["gemini-demo-large", "gemini-demo-small"];
const defaultDimensions = 768;

function answerCall(request: DemoRequest, model: string, method: string): DemoAnswer {
  const { body, query } = request;
  switch (method) {
    case "countTokens": {
      const inner = isObject(body.generateContentRequest) ? body.generateContentRequest : body;
      const total = promptTokens(inner);
      return jsonAnswer(200, {
        totalTokens: total,
        promptTokensDetails: [{ modality: "TEXT", tokenCount: total }],
      });
    }
    case "embedContent":
      return unlessLimited(request, [], () => jsonAnswer(200, { embedding: embed(body) }));
    case "batchEmbedContents":
      return unlessLimited(request, [], () =>
        jsonAnswer(200, { embeddings: objects(body.requests).map(embed) }),
      );
    case "generateContent":
      return generate(request, model, (generation) => jsonAnswer(200, geminiResponse(generation)));
    case "streamGenerateContent":
      return query.get("alt") === "sse"
        ? generate(request, model, (generation) =>
            streamAnswer(
              [...geminiChunks(generation)].map((data) => ({ data })),
              { newline: "\r\n" },
            ),
          )
        : generate(request, model, arrayStream, asArray);
    default:
      return error(404, `The demo does not know the method ${method}.`);
  }
}

function arrayStream(generation: Generation): DemoAnswer {
  const pieces = [...geminiChunks(generation)].map(
    (chunk, index) => `${index === 0 ? "[" : ",\r\n"}${JSON.stringify(chunk)}`,
  );
  return { status: 200, headers: { "content-type": "application/json" }, pieces: [...pieces, "\n]"] };
}

/** On the array form's URL errors too come as an element of an array. */
function asArray(answer: DemoAnswer): DemoAnswer {
  return { ...answer, pieces: [`[${answer.pieces.join("")}\n]`] };
}

function generate(
  request: DemoRequest,
  model: string,
  render: (generation: Generation) => DemoAnswer,
  renderError: (answer: DemoAnswer) => DemoAnswer = (answer) => answer,
): DemoAnswer {
  if (objects(request.body.contents).length === 0) {
    return renderError(error(400, "* GenerateContentRequest.contents: contents is not specified"));
  }
  return unlessLimited(request, [model], () => render(compose(request, model)), renderError);
}

function unlessLimited(
  { account, now }: DemoRequest,
  [model]: string[],
  answer: () => DemoAnswer,
  renderError: (answer: DemoAnswer) => DemoAnswer = (limit) => limit,
): DemoAnswer {
  const until = account.spend(now);
  if (until === undefined) return answer();
  const seconds = Math.ceil((until - now) / 1000);
  const details = [
    quotaFailure("GenerateRequestsPerMinutePerProjectPerModel", model),
    retryInfo(`${seconds}s`),
  ];
  const message = `You exceeded your current quota (simulated). Please retry in ${seconds}s.`;
  return renderError(error(429, message, details));
}

function compose({ body, number }: DemoRequest, model: string): Generation {
  const config = isObject(body.generationConfig) ? body.generationConfig : {};
  const thinking = isObject(config.thinkingConfig) ? config.thinkingConfig : {};
  const said = saidPiece(body, config, { model, number });
  const reasoning = countTokens(thoughts);
  const output = countTokens(JSON.stringify(said)) + reasoning;
  return {
    id: makeId("", number),
    model,
    pieces: thinking.includeThoughts === true ? [{ kind: "thinking", text: thoughts }, said] : [said],
    usage: spentTokens({ input: promptTokens(body), output, reasoning }),
    split: splitReply,
  };
}

function saidPiece(
  body: JsonObject,
  config: JsonObject,
  { model, number }: { model: string; number: number },
): ContentPiece {
  const declaration = forcedFunction(body);
  if (declaration) {
    const input = sampleOf(declaration.parametersJsonSchema ?? declaration.parameters);
    return { kind: "tool", id: makeId("call_", number), name: String(declaration.name), input };
  }
  if (config.responseMimeType === "application/json") {
    return {
      kind: "text",
      text: JSON.stringify(sampleOf(config.responseJsonSchema ?? config.responseSchema)),
    };
  }
  const last = objects(body.contents).findLast(({ role }) => role !== "model");
  const prompt = asText(objects(last?.parts).findLast(({ text }) => typeof text === "string")?.text) ?? "";
  return { kind: "text", text: replyTo(prompt, model) };
}

/** Only when the request insists: an agent would really run a tool that was called of our own accord. */
function forcedFunction(body: JsonObject): JsonObject | undefined {
  const toolConfig = isObject(body.toolConfig) ? body.toolConfig : {};
  const calling = isObject(toolConfig.functionCallingConfig) ? toolConfig.functionCallingConfig : {};
  if (String(calling.mode).toUpperCase() !== "ANY") return undefined;
  const allowed = Array.isArray(calling.allowedFunctionNames) ? calling.allowedFunctionNames : undefined;
  return objects(body.tools)
    .flatMap((tool) => objects(tool.functionDeclarations))
    .find(({ name }) => allowed === undefined || allowed.includes(name));
}

function promptTokens(body: JsonObject): number {
  return countTokens(JSON.stringify([body.systemInstruction ?? "", body.tools ?? [], body.contents ?? []]));
}

function embed(request: JsonObject): JsonObject {
  const wanted = request.outputDimensionality;
  const dimensions = typeof wanted === "number" && wanted > 0 && wanted <= 3072 ? wanted : defaultDimensions;
  const seed = countTokens(JSON.stringify(request.content ?? ""));
  return {
    values: Array.from({ length: dimensions }, (_, index) => Math.round(Math.sin(seed + index) * 1e6) / 1e6),
  };
}

function models(path: string): DemoAnswer {
  const id = /\/models\/(.+)$/.exec(path)?.[1];
  if (id === undefined) return jsonAnswer(200, geminiModelList(modelIds));
  return modelIds.includes(id)
    ? jsonAnswer(200, geminiModelEntry(id))
    : error(404, `models/${id} is not found (simulated)`);
}

function error(code: number, message: string, details?: unknown[]): DemoAnswer {
  return jsonAnswer(code, geminiErrorBody(code, { message, details }));
}
