// The errors of the simulated OpenAI API, limits and their headers included: the same for Responses and Chat Completions.

import { type DemoAnswer, type DemoRequest, jsonAnswer } from "./answer.ts";

export function openaiError(
  status: number,
  details: { message: string; type: string; param?: string; code?: string | null },
  headers: Record<string, string> = {},
): DemoAnswer {
  return jsonAnswer(status, { error: { param: null, code: null, ...details } }, headers);
}

/** A 400 that names the parameter at fault. */
export function refuseParameter(message: string, param: string, code: string | null = null): DemoAnswer {
  return openaiError(400, { message, type: "invalid_request_error", param, code });
}

/** @param until epoch ms. */
export function limited(request: DemoRequest, until: number): DemoAnswer {
  const seconds = Math.ceil((until - request.now) / 1000);
  const message = `Rate limit reached for ${String(request.body.model)} on requests per min (simulated). Please try again in ${seconds}s.`;
  return openaiError(
    429,
    { message, type: "requests", code: "rate_limit_exceeded" },
    { ...limitHeaders(request, until), "retry-after": String(seconds) },
  );
}

/** @param until epoch ms at which the limit ends; undefined: there is room. */
export function limitHeaders({ account, now }: DemoRequest, until?: number): Record<string, string> {
  const limit = 500;
  const remaining = until === undefined ? Math.round(limit * (1 - account.windows(now).fiveHour)) : 0;
  const seconds = until === undefined ? 60 : Math.ceil((until - now) / 1000);
  return {
    "x-ratelimit-limit-requests": String(limit),
    "x-ratelimit-remaining-requests": String(remaining),
    "x-ratelimit-reset-requests": `${seconds}s`,
  };
}
