// The refusals that blame an account, as the providers word them: what this list has may take accounts out, nothing else may.

import type { Behaviour } from "./behaviour.ts";
import { pick, type Random, type StrangeFamily } from "./strange.ts";

const anthropic = (status: number, type: string, message: string): Behaviour => ({
  status,
  body: { type: "error", error: { type, message }, request_id: "req_1" },
});

const google = (status: number, name: string, message: string, reason?: string): Behaviour => ({
  status,
  body: {
    error: {
      ...{ code: status, status: name, message },
      ...(reason && {
        details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "googleapis.com" }],
      }),
    },
  },
});

const openai = (status: number, code: string, message: string): Behaviour => ({
  status,
  body: { error: { message, type: "invalid_request_error", param: null, code } },
});

const ofClaude: readonly Behaviour[] = [
  anthropic(401, "authentication_error", "invalid x-api-key"),
  anthropic(401, "authentication_error", "OAuth token has expired. Please obtain a new token."),
  anthropic(403, "permission_error", "OAuth token has been revoked. Please obtain a new token."),
  anthropic(403, "permission_error", "This organization has been disabled."),
  anthropic(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
  anthropic(402, "billing_error", "Payment is due."),
  { status: 402, body: "" },
];

const ofGemini: readonly Behaviour[] = [
  google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
  google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
  google(403, "PERMISSION_DENIED", "Generative Language API has not been used.", "SERVICE_DISABLED"),
  google(403, "PERMISSION_DENIED", "This API method requires billing to be enabled.", "BILLING_DISABLED"),
  google(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
];

const ofOpenai: readonly Behaviour[] = [
  openai(401, "invalid_api_key", "Incorrect API key provided: sk-***."),
  openai(401, "account_deactivated", "Your account has been deactivated."),
  openai(403, "unsupported_country_region_territory", "Country, region, or territory not supported"),
  openai(429, "insufficient_quota", "You exceeded your current quota, please check your plan."),
];

const byFamily: Readonly<Record<StrangeFamily["name"], readonly Behaviour[]>> = {
  claude: ofClaude,
  chat: ofClaude,
  gemini: ofGemini,
  openai: ofOpenai,
};

export function namedRefusal(random: Random, family: StrangeFamily["name"]): Behaviour {
  return pick(random, byFamily[family]);
}
