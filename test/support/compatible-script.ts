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

/** Anthropic refuses thinking that another provider has signed; every other request gets what `otherwise` says. */
export function checkSignatures(
  upstream: ScriptedUpstream,
  otherwise: (request: RecordedRequest) => Behaviour = () => ({}),
): void {
  upstream.on({ method: "POST", path: "/v1/messages" }, (request) => {
    const foreign = blocksOf(request).find(
      ({ type, signature }) => type === "thinking" && !isOwnSignature(signature),
    );
    return foreign
      ? claudeError(400, { message: "messages.1.content.0: Invalid `signature` in `thinking` block" })
      : otherwise(request);
  });
}

let messages = 0;

/** Thinking, then what the host has to say: a text, or pieces of its own. */
const pieces = (
  thinking: Block & { thinking: string },
  content: string | readonly ContentPiece[],
  model = "x",
): unknown[] => [
  {
    type: "message_start",
    message: {
      id: `compatible_${messages++}`,
      type: "message",
      role: "assistant",
      model,
      content: [],
      usage: { input_tokens: 0, output_tokens: 0 },
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
  const message = `Usage limit reached for 5 hour. Your limit will reset at ${until}`;
  return { status: 429, body: { type: "error", error: { type: "1308", message } } };
}

/** DeepSeek: errors in OpenAI's form, refuses unknown blocks, and wants its thinking back where a tool was called. */
export function asDeepSeek(upstream: ScriptedUpstream): void {
  const refusal = (message: string): Behaviour => ({
    status: 400,
    body: { error: { message, type: "invalid_request_error", param: null, code: "invalid_request_error" } },
  });
  upstream.on({ method: "POST", path: "/v1/messages" }, (request) => {
    const blocks = blocksOf(request);
    const unknown = blocks.find(({ type }) => /image|document|tool_reference|server_tool_use/.test(type));
    if (unknown)
      return refusal(
        `unknown variant \`${unknown.type}\`, expected one of \`text\`, \`tool_use\`, \`tool_result\``,
      );
    const callsTools = blocks.some(({ role, type }) => role === "assistant" && type === "tool_use");
    if (callsTools && !blocks.some(({ type }) => type === "thinking"))
      return refusal("The `content[].thinking` in the thinking mode must be passed back to the API.");
    return {
      rawEvents: [
        ": keep-alive\n\n",
        ...pieces({ type: "thinking", thinking: "hm", signature: "deepseek" }, "from DeepSeek"),
        ...end({ input_tokens: 33, output_tokens: 5, cache_read_input_tokens: 0 }),
      ],
    };
  });
  upstream.on({ path: /count_tokens$|responses$/ }, { status: 404, body: "" });
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

/** Ollama: takes no key, thinking without a signature, estimates usage until the end, and no counting. */
export function asOllama(upstream: ScriptedUpstream): void {
  upstream.on(
    { method: "POST", path: "/v1/messages" },
    {
      rawEvents: [
        ...pieces({ type: "thinking", thinking: "hm" }, "from Ollama"),
        ...end({ input_tokens: 12, output_tokens: 4 }),
      ],
    },
  );
  upstream.on({ path: /count_tokens$/ }, { status: 404, body: "404 page not found" });
}
