// The errors of the simulated OpenAI API, limits and their headers included: the same for Responses and Chat Completions.

import { type DemoAnswer, type DemoRequest, jsonAnswer } from "./answer.ts";
import { type OpenaiErrorDetails, openaiErrorBody, openaiLimits } from "./provider/openai.ts";

export function openaiError(
  status: number,
  details: OpenaiErrorDetails,
  headers: Record<string, string> = {},
): DemoAnswer {
  return jsonAnswer(status, openaiErrorBody(status, details), headers);
}

/** A 400 that names the parameter at fault. */
export function refuseParameter(message: string, param: string, code: string | null = null): DemoAnswer {
  return openaiError(400, { message, param, code });
}

/** @param until epoch ms. */
export function limited(request: DemoRequest, until: number): DemoAnswer {
  const seconds = Math.ceil((until - request.now) / 1000);
  const message = `Rate limit reached for ${String(request.body.model)} on requests per min (simulated). Please try again in ${seconds}s.`;
  return openaiError(
    429,
    { message, type: "requests", code: "rate_limit_exceeded" },
    limitHeaders(request, until),
  );
}

/** @param until epoch ms at which the limit ends; undefined: there is room. */
export function limitHeaders({ account, now }: DemoRequest, until?: number): Record<string, string> {
  const requests = 500;
  const tokens = 2_000_000;
  const { used, resetsAt } = account.windows(now).fiveHour;
  const seconds = Math.ceil(((until ?? resetsAt) - now) / 1000);
  const reset = `${seconds}s`;
  return openaiLimits(
    {
      requests: {
        limit: requests,
        remaining: until === undefined ? Math.round(requests * (1 - used)) : 0,
        reset,
      },
      // Short prompts use up less of it than of the requests.
      tokens: { limit: tokens, remaining: Math.round(tokens * (1 - used / 3)), reset },
    },
    until === undefined ? undefined : seconds,
  );
}
