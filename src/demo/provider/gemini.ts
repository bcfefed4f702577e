// How the Gemini API writes an answer, the chunks of its stream, its errors and its models.

import { googleStatusOf } from "../../domain/google-status.ts";
import type { ContentPiece, Generation } from "./generation.ts";

export function geminiResponse(generation: Generation): Record<string, unknown> {
  return response(generation, { parts: generation.pieces.map(part), isLast: true });
}

export function* geminiChunks(generation: Generation): Generator<Record<string, unknown>> {
  const parts = generation.pieces.flatMap((piece) =>
    piece.kind === "tool"
      ? [part(piece)]
      : generation.split(piece.text).map((text) => part({ ...piece, text })),
  );
  for (const [index, each] of parts.entries())
    yield response(generation, { parts: [each], isLast: index === parts.length - 1 });
}

function response(
  { id, model, usage, stopReason }: Generation,
  { parts, isLast }: { parts: unknown[]; isLast: boolean },
): Record<string, unknown> {
  const prompt = usage.input + usage.cacheRead;
  return {
    candidates: [
      {
        content: { parts, role: "model" },
        ...(isLast ? { finishReason: stopReason ?? "STOP" } : {}),
        index: 0,
      },
    ],
    // Early chunks know the prompt only, as seen from the real API.
    usageMetadata: isLast
      ? {
          promptTokenCount: prompt,
          cachedContentTokenCount: usage.cacheRead,
          candidatesTokenCount: usage.output - usage.reasoning,
          thoughtsTokenCount: usage.reasoning,
          totalTokenCount: prompt + usage.output,
        }
      : { promptTokenCount: prompt, cachedContentTokenCount: usage.cacheRead, totalTokenCount: prompt },
    modelVersion: model,
    responseId: id,
  };
}

function part(piece: ContentPiece): Record<string, unknown> {
  if (piece.kind === "text") return { text: piece.text };
  if (piece.kind === "thinking") return { text: piece.text, thought: true };
  return {
    functionCall: { id: piece.id, name: piece.name, args: piece.input },
    thoughtSignature: "c2lnbmVk",
  };
}

export interface GeminiErrorDetails {
  message?: string;
  status?: string;
  details?: unknown[];
}

export function geminiErrorBody(code: number, details: GeminiErrorDetails = {}) {
  return {
    error: {
      code,
      message: details.message ?? `scripted error ${code}`,
      status: details.status ?? googleStatusOf(code) ?? "UNKNOWN",
      ...(details.details === undefined ? {} : { details: details.details }),
    },
  };
}

export function retryInfo(delay: string): unknown {
  return { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: delay };
}

export function errorInfo(
  reason: string,
  domain = "googleapis.com",
  metadata: Record<string, string> = {},
): unknown {
  return { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain, metadata };
}

export function quotaFailure(quotaId: string, model = "gemini-2.5-pro"): unknown {
  return {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    violations: [
      {
        quotaMetric: "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        quotaId,
        quotaDimensions: { location: "global", model },
        quotaValue: "50",
      },
    ],
  };
}

export function geminiModelList(ids: readonly string[]): Record<string, unknown> {
  return { models: ids.map(geminiModelEntry) };
}

export function geminiModelEntry(id: string): Record<string, unknown> {
  return {
    name: `models/${id}`,
    displayName: id,
    inputTokenLimit: 1_048_576,
    supportedGenerationMethods: ["generateContent", "countTokens"],
  };
}
