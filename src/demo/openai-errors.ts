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
  const requests = 500;
  const tokens = 2_000_000;
  const { used, resetsAt } = account.windows(now).fiveHour;
  const seconds = Math.ceil(((until ?? resetsAt) - now) / 1000);
  return {
    "x-ratelimit-limit-requests": String(requests),
    "x-ratelimit-remaining-requests": String(until === undefined ? Math.round(requests * (1 - used)) : 0),
    "x-ratelimit-reset-requests": `${seconds}s`,
    "x-ratelimit-limit-tokens": String(tokens),
    // Short prompts use up less of it than of the requests.
    "x-ratelimit-remaining-tokens": String(Math.round(tokens * (1 - used / 3))),
    "x-ratelimit-reset-tokens": `${seconds}s`,
  };
}
