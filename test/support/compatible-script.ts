// Hosts that imitate Claude's API, with the quirks they are known for: a stage for last resorts. And Anthropic's own strictness
// with thinking that it has not signed.

import type { ContentPiece } from "../../src/demo/provider/generation.ts";
import type { Behaviour, RecordedRequest } from "./behaviour.ts";
import { claudeError } from "./claude-script.ts";
import type { ScriptedUpstream } from "./upstream.ts";

interface Block {
  type: string;
  signature?: string;
  id?: string;
  /** Of a tool's result. */
  content?: string | Block[];
  /** Of an image. */
  source?: { type?: string };
}

const messagesOf = ({ json }: RecordedRequest) =>
  (json as { messages?: { role: string; content: string | Block[] }[] } | undefined)?.messages ?? [];
const blocksOf = (request: RecordedRequest) =>
  messagesOf(request).flatMap(({ role, content }) =>
    typeof content === "string" ? [] : content.map((block) => ({ role, ...block })),
  );

/** As the scripted Claude signs: see claude-script.ts. */
const isOwnSignature = (signature: string | undefined) =>
  Buffer.from(signature ?? "", "base64")
    .toString()
    .startsWith("\u0012signed:");

/** Anthropic refuses thinking that another provider has signed, and ids of tools of another form; every other request gets what `otherwise` says. */
export function checkSignatures(
  upstream: ScriptedUpstream,
  otherwise: (request: RecordedRequest) => Behaviour = () => ({}),
): void {
  upstream.on({ method: "POST", path: "/v1/messages" }, (request) => {
    const foreign = blocksOf(request).find(
      ({ type, signature }) => type === "thinking" && !isOwnSignature(signature),
    );
    if (foreign)
      return claudeError(400, { message: "messages.1.content.0: Invalid `signature` in `thinking` block" });
    const named = blocksOf(request).find(({ type, id = "" }) => type === "tool_use" && !/^[\w-]+$/.test(id));
    return named
      ? claudeError(400, {
          message: "messages.1.content.1.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
        })
      : otherwise(request);
  });
}

let messages = 0;

/** Thinking, then what the host has to say: a text, or pieces of its own. */
const pieces = (
  thinking: Block & { thinking: string },
  content: string | readonly ContentPiece[],
  model = "x",
  usage = { input_tokens: 0, output_tokens: 0 },
): unknown[] => [
  {
    type: "message_start",
    message: {
      id: `compatible_${messages++}`,
      type: "message",
      role: "assistant",
      model,
      content: [],
      usage,
    },
  },
  { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: thinking.thinking } },
  ...(thinking.signature === undefined
    ? []
    : [
        {
          type: "content_block_delta",
          index: 0,
          delta: { type: "signature_delta", signature: thinking.signature },
        },
      ]),
  { type: "content_block_stop", index: 0 },
  ...(typeof content === "string" ? [{ kind: "text" as const, text: content }] : content).flatMap(
    (piece, at) => blockEvents(piece, at + 1),
  ),
];

function blockEvents(piece: ContentPiece, index: number): unknown[] {
  const isTool = piece.kind === "tool";
  const block = isTool
    ? { type: "tool_use", id: piece.id, name: piece.name, input: {} }
    : { type: "text", text: "" };
  const delta = isTool
    ? { type: "input_json_delta", partial_json: JSON.stringify(piece.input) }
    : { type: "text_delta", text: piece.text };
  return [
    { type: "content_block_start", index, content_block: block },
    { type: "content_block_delta", index, delta },
    { type: "content_block_stop", index },
  ];
}

const end = (usage: object, stopReason = "end_turn"): unknown[] => [
  { type: "message_delta", delta: { stop_reason: stopReason }, usage },
  { type: "message_stop" },
];

/** An answer with thinking that is signed so. */
export function thinkingSigned(signature: string, text: string): Behaviour {
  return {
    rawEvents: [
      ...pieces({ type: "thinking", thinking: "hm", signature }, text),
      ...end({ input_tokens: 1, output_tokens: 1 }),
    ],
  };
}

/** GLM at Z.ai: signatures of its own, usage without cache writes, tools' ids as OpenAI gives them, no counting. */
export function asGlm(
  upstream: ScriptedUpstream,
  answer: (request: RecordedRequest) => Behaviour = () => ({ content: "from GLM" }),
): void {
  upstream.on({ method: "POST", path: "/v1/messages" }, (request) => {
    const { model = "" } = request;
    if (!model.startsWith("glm-"))
      return {
        status: 400,
        body: { type: "error", error: { type: "1211", message: `Unknown Model ${model}` } },
      };
    const { content = "from GLM", ...more } = answer(request);
    const named = asOpenaiIds(content, request.index);
    const callsTool = typeof named !== "string" && named.some(({ kind }) => kind === "tool");
    const usage = { input_tokens: 21, output_tokens: 9, cache_read_input_tokens: 400 };
    return {
      headers: { "x-log-id": "20261130", "x-process-time": "0.1" },
      ...more,
      rawEvents: [
        ...pieces({ type: "thinking", thinking: "hm", signature: "glm-signature" }, named, model),
        ...end(usage, callsTool ? "tool_use" : "end_turn"),
      ],
    };
  });
  upstream.on({ path: /count_tokens$/ }, { status: 404, body: "404 page not found" });
}

function asOpenaiIds(content: NonNullable<Behaviour["content"]>, index: number): string | ContentPiece[] {
  if (typeof content === "string") return content;
  return content.map((piece, at) =>
    piece.kind === "tool" ? { ...piece, id: `call_${String(at).padStart(2, "0")}_${index}` } : piece,
  );
}

/** The plan at Z.ai is used up until this time of Beijing, which it writes without a zone. */
export function glmLimit(until: string): Behaviour {
  return glmError("1308", `Usage limit reached for 5 hour. Your limit will reset at ${until}`);
}

/** What DeepSeek and vLLM take for blocks; whatever else comes, known or new, is an error. */
const deepSeekBlocks: ReadonlySet<string> = new Set(["text", "thinking", "tool_use", "tool_result"]);

interface AskedOptions {
  thinking?: { type?: string };
  tool_choice?: { type?: string };
}

const isThinking = ({ json }: RecordedRequest) =>
  (json as AskedOptions | undefined)?.thinking?.type !== "disabled";

/** The first message of the assistant that calls a tool and has no thinking; -1 when there is none. */
function callWithoutThinking(request: RecordedRequest): number {
  return messagesOf(request).findIndex(({ role, content }) => {
    const has = (wanted: string) =>
      typeof content !== "string" && content.some(({ type }) => type === wanted);
    return role === "assistant" && has("tool_use") && !has("thinking");
  });
}

/**
 * DeepSeek: errors in OpenAI's form, names of its own for Claude's models, an error for every block that it does not know and for a
 * forced tool, its thinking back in every message that calls a tool, and comments and blank lines while one waits.
 */
export function asDeepSeek(upstream: ScriptedUpstream): void {
  const refusal = (message: string): Behaviour => ({
    status: 400,
    body: { error: { message, type: "invalid_request_error", param: null, code: "invalid_request_error" } },
  });
  upstream.on({ method: "POST", path: "/v1/messages" }, (request) => {
    const { model = "" } = request;
    const answering = /^claude-opus/.test(model)
      ? "deepseek-v4-pro"
      : model.replace(/^claude.*/, "deepseek-flash");
    if (!answering.startsWith("deepseek-")) return refusal(`Model Not Exist: ${model}`);
    const unknown = blocksOf(request).find(({ type }) => !deepSeekBlocks.has(type));
    if (unknown)
      return refusal(
        `unknown variant \`${unknown.type}\`, expected one of ${[...deepSeekBlocks].map((type) => `\`${type}\``).join(", ")}`,
      );
    const choice = (request.json as AskedOptions | undefined)?.tool_choice?.type;
    if (isThinking(request) && (choice === "any" || choice === "tool"))
      return refusal("deepseek-reasoner does not support this tool_choice");
    if (isThinking(request) && callWithoutThinking(request) >= 0)
      return refusal("The `content[].thinking` in the thinking mode must be passed back to the API.");
    return {
      rawEvents: [
        ...[": keep-alive\n\n", "\n"],
        ...pieces({ type: "thinking", thinking: "hm", signature: "deepseek" }, "from DeepSeek", answering),
        ...end({ input_tokens: 33, output_tokens: 5, cache_read_input_tokens: 0 }),
      ],
    };
  });
  upstream.on({ path: /count_tokens$|responses$/ }, { status: 404, body: "" });
}

/** Errors that Z.ai knows by number alone: too many at once, and an account without money. */
export const glmErrors = {
  concurrency: glmError("1302", "High concurrency usage of this API, please reduce concurrency"),
  unpaid: glmError("1113", "Insufficient balance or no resource package. Please recharge."),
} as const;

function glmError(type: string, message: string): Behaviour {
  return { status: 429, body: { type: "error", error: { type, message } } };
}

export const deepSeekUnpaid: Behaviour = {
  status: 402,
  body: {
    error: {
      message: "Insufficient Balance",
      type: "unknown_error",
      param: null,
      code: "invalid_request_error",
    },
  },
};

/** As Kimi signs, whatever the text; it reads none back. */
const kimiSignature = "kimi".repeat(1085);

/**
 * Kimi: ids of tools with a dot and a colon, an error for what a tool's result refers to, and its thinking back in every message that calls
 * a tool, from any signer.
 */
export function asKimi(upstream: ScriptedUpstream): void {
  const refusal = (message: string) => claudeError(400, { message });
  upstream.on({ method: "POST", path: "/v1/messages" }, (request) => {
    const refers = (block: Block) =>
      Array.isArray(block.content) && block.content.some(({ type }) => type === "tool_reference");
    if (blocksOf(request).some(refers)) return refusal("tool_reference is not supported in tool_result");
    const { thinking } = request.json as AskedOptions;
    if (request.model === "kimi-k2.7-code" && thinking?.type !== "enabled")
      return refusal("invalid thinking: only type=enabled is allowed for this model");
    const at = callWithoutThinking(request);
    if (isThinking(request) && at >= 0)
      return refusal(
        `thinking is enabled but reasoning_content is missing in assistant tool call message at index ${at}`,
      );
    const results = blocksOf(request).filter(({ type }) => type === "tool_result").length;
    const call = { kind: "tool" as const, id: "functions.Bash:0", name: "Bash", input: {} };
    const usage = { input_tokens: 41, output_tokens: 6, cache_read_input_tokens: 256 };
    return {
      rawEvents: [
        ...pieces(
          { type: "thinking", thinking: "hm", signature: kimiSignature },
          results === 0 ? [call] : "from Kimi",
          request.model,
        ),
        ...end(usage, results === 0 ? "tool_use" : "end_turn"),
      ],
    };
  });
  upstream.on({ path: /count_tokens$/ }, { status: 404, body: "404 page not found" });
}

/**
 * Ollama: takes no key, or in its cloud a bearer token alone; thinking without a signature, usage that is an estimate until the end, images
 * within the request only, no notice of blocks that it does not know, and no counting.
 */
export function asOllama(upstream: ScriptedUpstream, { isCloud = false } = {}): void {
  upstream.on({ method: "POST", path: "/v1/messages" }, (request) => {
    const { authorization, "anthropic-version": version = "" } = request.headers;
    if (isCloud && authorization === undefined) return claudeError(401, { message: "unauthorized" });
    if (isCloud && String(version) < "2023-06-01")
      return claudeError(400, { message: "anthropic-version header is required" });
    if (blocksOf(request).some(({ source }) => source?.type === "url"))
      return claudeError(400, {
        message: "invalid image source type: url. Only base64 images are supported.",
      });
    const estimate = { input_tokens: Math.ceil(request.body.length / 4), output_tokens: 0 };
    return {
      rawEvents: [
        ...pieces({ type: "thinking", thinking: "hm" }, "from Ollama", request.model, estimate),
        ...end({ input_tokens: 12, output_tokens: 4 }),
      ],
    };
  });
  upstream.on({ path: /count_tokens$/ }, { status: 404, body: "404 page not found" });
}
