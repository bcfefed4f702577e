// The simulated Gemini API: generating in its three forms, counting, embedding, models and limits.

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
    return error(404, "NOT_FOUND", "The demo has no such route.");
  },
  refuse(status, message) {
    // Google answers a wrong key with 400.
    return error(400, "INVALID_ARGUMENT", message, status === 401 ? [errorInfo("API_KEY_INVALID")] : []);
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
      return generate(request, model, (chunks) => jsonAnswer(200, joinChunks(chunks)));
    case "streamGenerateContent":
      return query.get("alt") === "sse"
        ? generate(request, model, (chunks) => ({
            status: 200,
            headers: { "content-type": "text/event-stream" },
            pieces: chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`),
          }))
        : generate(request, model, arrayStream, asArray);
    default:
      return error(404, "NOT_FOUND", `The demo does not know the method ${method}.`);
  }
}

function arrayStream(chunks: JsonObject[]): DemoAnswer {
  const pieces = chunks.map((chunk, index) => `${index === 0 ? "[" : ",\r\n"}${JSON.stringify(chunk)}`);
  return { status: 200, headers: { "content-type": "application/json" }, pieces: [...pieces, "\n]"] };
}

/** On the array form's URL errors too come as an element of an array. */
function asArray(answer: DemoAnswer): DemoAnswer {
  return { ...answer, pieces: [`[${answer.pieces.join("")}\n]`] };
}

function generate(
  request: DemoRequest,
  model: string,
  render: (chunks: JsonObject[]) => DemoAnswer,
  renderError: (answer: DemoAnswer) => DemoAnswer = (answer) => answer,
): DemoAnswer {
  if (objects(request.body.contents).length === 0) {
    return renderError(
      error(400, "INVALID_ARGUMENT", "* GenerateContentRequest.contents: contents is not specified"),
    );
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
    {
      "@type": "type.googleapis.com/google.rpc.QuotaFailure",
      violations: [
        {
          quotaMetric: "generativelanguage.googleapis.com/generate_content_requests",
          quotaId: "GenerateRequestsPerMinutePerProjectPerModel",
          quotaDimensions: { location: "global", ...(model ? { model } : {}) },
          quotaValue: "4",
        },
      ],
    },
    { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${seconds}s` },
  ];
  const message = `You exceeded your current quota (simulated). Please retry in ${seconds}s.`;
  return renderError(error(429, "RESOURCE_EXHAUSTED", message, details));
}

/** The answer as the chunks of a stream; the figures are running totals, the last chunk has the reason of the end. */
function compose({ body, number }: DemoRequest, model: string): JsonObject[] {
  const config = isObject(body.generationConfig) ? body.generationConfig : {};
  const thinking = isObject(config.thinkingConfig) ? config.thinkingConfig : {};
  const parts = answerParts(body, config, { model, number });
  const thoughtTokens = countTokens(thoughts);
  const shown = thinking.includeThoughts === true ? [{ text: thoughts, thought: true }] : [];
  const prompt = promptTokens(body);
  let output = 0;
  const all: JsonObject[] = [...shown, ...parts];
  return all.map((part, index) => {
    if (part.thought !== true) output += countTokens(JSON.stringify(part));
    const isLast = index === all.length - 1;
    return {
      candidates: [
        { content: { role: "model", parts: [part] }, index: 0, ...(isLast ? { finishReason: "STOP" } : {}) },
      ],
      usageMetadata: {
        promptTokenCount: prompt,
        candidatesTokenCount: output,
        thoughtsTokenCount: thoughtTokens,
        totalTokenCount: prompt + output + thoughtTokens,
        promptTokensDetails: [{ modality: "TEXT", tokenCount: prompt }],
      },
      modelVersion: model,
      responseId: makeId("", number),
    };
  });
}

function answerParts(
  body: JsonObject,
  config: JsonObject,
  { model, number }: { model: string; number: number },
): JsonObject[] {
  const declaration = forcedFunction(body);
  if (declaration) {
    const schema = declaration.parametersJsonSchema ?? declaration.parameters;
    return [
      {
        functionCall: { id: makeId("call_", number), name: declaration.name, args: sampleOf(schema) },
        thoughtSignature: makeOpaque(`thought ${number}`),
      },
    ];
  }
  if (config.responseMimeType === "application/json") {
    return [{ text: JSON.stringify(sampleOf(config.responseJsonSchema ?? config.responseSchema)) }];
  }
  const last = objects(body.contents).findLast(({ role }) => role !== "model");
  const prompt = asText(objects(last?.parts).findLast(({ text }) => typeof text === "string")?.text) ?? "";
  return splitReply(replyTo(prompt, model)).map((text) => ({ text }));
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

/** One document as generateContent gives it: the parts together, the figures of the last chunk. */
function joinChunks(chunks: JsonObject[]): JsonObject {
  const parts = chunks.flatMap((chunk) =>
    objects(chunk.candidates).flatMap((candidate) =>
      isObject(candidate.content) ? objects(candidate.content.parts) : [],
    ),
  );
  const joined: JsonObject[] = [];
  for (const part of parts) {
    const before = joined.at(-1);
    const goesOn =
      typeof before?.text === "string" && typeof part.text === "string" && before.thought === part.thought;
    if (goesOn) before.text += String(part.text);
    else joined.push({ ...part });
  }
  return {
    ...chunks.at(-1),
    candidates: [{ content: { role: "model", parts: joined }, finishReason: "STOP", index: 0 }],
  };
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
  const all = modelIds.map((id) => ({
    name: `models/${id}`,
    displayName: `${id} (simulated)`,
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_536,
    supportedGenerationMethods: ["generateContent", "countTokens", "embedContent"],
  }));
  const id = /\/models\/(.+)$/.exec(path)?.[1];
  if (id === undefined) return jsonAnswer(200, { models: all });
  const found = all.find(({ name }) => name === `models/${id}`);
  return found ? jsonAnswer(200, found) : error(404, "NOT_FOUND", `models/${id} is not found (simulated)`);
}

function errorInfo(reason: string): JsonObject {
  return { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "googleapis.com" };
}

function error(code: number, status: string, message: string, details: JsonObject[] = []): DemoAnswer {
  return jsonAnswer(code, { error: { code, message, status, ...(details.length > 0 ? { details } : {}) } });
}
