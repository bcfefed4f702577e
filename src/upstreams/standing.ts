// The codes and sentences by which each provider says that a credential is not valid: its key, token or login, or the
// organisation or billing behind it. Nothing else in a 401 or 403 may take an account out, because any request can provoke one.

export interface StandingWords {
  /** The key, token or login is not accepted; a refreshed token or another account may be. */
  refusedCodes: ReadonlySet<string>;
  refused: readonly RegExp[];
  /** The account behind it is disabled, unpaid or not served: a person has to act. */
  outCodes: ReadonlySet<string>;
  out: readonly RegExp[];
  /** The account may not use the model that was asked for. */
  modelDenied: readonly RegExp[];
}

export type Standing = "refused" | "out" | "model-denied";

/**
 * What an error says about the standing of its account; undefined when it says nothing of the kind. `codes` are every code,
 * type or reason in the error.
 */
export function readStanding(
  { codes, message }: { codes: readonly (string | undefined)[]; message: string },
  words: StandingWords,
): Standing | undefined {
  const hasCode = (known: ReadonlySet<string>) => codes.some((code) => code !== undefined && known.has(code));
  const says = (known: readonly RegExp[]) => known.some((pattern) => pattern.test(message));
  if (hasCode(words.outCodes) || says(words.out)) return "out";
  if (says(words.modelDenied)) return "model-denied";
  if (says(words.refused)) return "refused";
  // A general code with a sentence about a feature is about the feature.
  return hasCode(words.refusedCodes) && !aboutFeature.test(message) ? "refused" : undefined;
}

const aboutFeature =
  /\bnot (?:currently |yet )?(?:enabled|available|supported|allowed|permitted)\b|\bscopes?\b|\bpermissions?\b/i;

// Every sentence is anchored: errors may quote the request, and no request must be able to take an account out.

/** Hosts that imitate these APIs, and gateways in front of them. */
const refusedByAny: readonly RegExp[] = [
  /^(?:invalid|incorrect|wrong|expired|missing|unknown|no) (?:api |access |bearer |auth |authentication |proxy server )?(?:key|api[-_]key|x-api-key|token|bearer|credentials?|auth|authentication|authorization)\b(?! (?:for|in|of|to)\b)/i,
  /^(?:the |your |this )?(?:(?:api|access|bearer|authentication|login) ?)?(?:api[-_]key|key|token|login|credentials?) (?:(?:is|was|has been|have been|has|are) )?(?:not valid|not found|invalid|incorrect|expired|revoked|disabled|deactivated|deleted|blocked)\b(?! (?:for|in|of|to|from)\b)/i,
  /^auth(?:entication|orization) (?:fails|failed|failure)\b/i,
  /^authentication error, invalid proxy server token/i,
  /^(?:no auth credentials found|user not found|login fail|not logged in|unauthori[sz]ed\W*$)/i,
];

/** "Disabled for computer use" is about the feature, "disabled for violating …" about the account. */
const outOfAny: readonly RegExp[] = [
  /^(?:the |your |this )(?:account|organi[sz]ation|workspace|team|user|subscription) (?:has been|is|was) (?:currently |temporarily |permanently )?(?:disabled|deactivated|suspended|banned|blocked|deleted|terminated|locked|unpaid|past due|overdue)\b(?! (?:from|to|in|on)\b)(?! for (?!(?:a |[\w ]{0,30}\breasons?\b|violat|abus|misus|fraud|breach|non-?payment|unpaid|suspicious|policy|security|safety)))/i,
  /^(?:your )?(?:account )?(?:insufficient|not enough) (?:account )?(?:balance|credits?|funds)\b/i,
];

/**
 * "You do not have access to the model X"; "… access to the web search tool with this model" and "… access to this model's
 * computer use feature" are not of this kind.
 */
const modelDeniedByAny: readonly RegExp[] = [
  /^(?:no|(?:you|your|the|this|that|user|project|organi[sz]ation|account|team|workspace|api key)\b[^.:"]{0,100}?) (?:access to|access|permission to use|permission to access|verified to use|allowed to use|authori[sz]ed to use) (?:(?:the|this|that|any|requested|specified|tuned) ){0,3}models?(?=$|[.,;:]| [`'"]| [\w/:.@-]*\d| (?:or|on|at|in|yet|because)\b)/i,
];

/** Anthropic: errors page, SDK, and the issues of Claude Code. */
export const claudeStanding: StandingWords = {
  refusedCodes: new Set([
    "authentication_error",
    "claude_code_key_creator_not_member",
    // Kimi's and LiteLLM's names for it.
    "invalid_authentication_error",
    "invalid_api_key",
    "auth_error",
  ]),
  refused: [
    /^invalid x-api-key/i,
    /^invalid bearer token/i,
    /^invalid authentication credentials/i,
    /^oauth token has (?:been revoked|expired)/i,
    // Every message needs this one; a login without another scope still serves them.
    /^oauth token does not meet scope requirement:? user:inference\b/i,
    ...refusedByAny,
  ],
  outCodes: new Set([
    "billing_error",
    "organization_on_hold",
    "linked_organization_billing_unavailable",
    "linked_organization_spend_limit_reached",
  ]),
  out: [
    /^your credit balance is too low/i,
    /^oauth authentication is currently not allowed for this organization/i,
    ...outOfAny,
  ],
  modelDenied: [/\bnot have permission to use the specified (?:resource|model)\b/i, ...modelDeniedByAny],
};

/** Google: reasons of google.rpc.ErrorInfo, and sentences of errors that carry none. */
export const googleStanding: StandingWords = {
  refusedCodes: new Set([
    "UNAUTHENTICATED",
    "API_KEY_INVALID",
    "ACCESS_TOKEN_EXPIRED",
    "ACCOUNT_STATE_INVALID",
    "CREDENTIALS_MISSING",
  ]),
  refused: [
    /^api key (?:not valid|not found|expired|is invalid)/i,
    /^method doesn't allow unregistered callers/i,
    /^request (?:is missing required|had invalid) authentication credentials?/i,
    ...refusedByAny,
  ],
  outCodes: new Set([
    "SERVICE_DISABLED",
    "BILLING_DISABLED",
    "API_KEY_SERVICE_BLOCKED",
    "API_KEY_IP_ADDRESS_BLOCKED",
    "CONSUMER_SUSPENDED",
    "CONSUMER_INVALID",
    "INSUFFICIENT_G1_CREDITS_BALANCE",
    "SECURITY_POLICY_VIOLATED",
    "VALIDATION_REQUIRED",
  ]),
  out: [
    /^your api key was reported as leaked/i,
    /^(?:permission denied: )?consumer \S{1,200} has been suspended/i,
    /^permission\b[^.]{0,120}\bcloudaicompanion\b/i,
    /^(?:you|your account|the user|user) (?:do(?:es)?(?: not|n't) have|ha(?:s|ve) no|(?:is|are) not assigned|lacks?|needs?|must have) (?:an? |any |the )?(?:valid |active |google cloud |gemini |code assist |enterprise |standard ){0,4}licen[cs]e\b/i,
    /^user location is not supported/i,
    /^gemini api free tier is not available/i,
    ...outOfAny,
  ],
  modelDenied: modelDeniedByAny,
};

/** OpenAI: error codes guide, Codex's own reading, and the ChatGPT backend. */
export const openaiStanding: StandingWords = {
  refusedCodes: new Set([
    "invalid_api_key",
    "token_expired",
    "token_invalidated",
    "token_revoked",
    "subscription_sharing_invalid_user",
    // DeepSeek, Kimi, Groq, LiteLLM.
    "authentication_error",
    "invalid_authentication_error",
    "auth_error",
    "token_not_found_in_db",
  ]),
  refused: [
    /^incorrect api key provided/i,
    /^you didn't provide an api key/i,
    /^(?:your|provided) authentication token (?:has|is) (?:expired|been invalidated|invalid|not valid)/i,
    /^could not parse your authentication token/i,
    ...refusedByAny,
  ],
  outCodes: new Set([
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
    "usage_not_included",
    "account_deactivated",
    "deactivated_workspace",
    "unsupported_country_region_territory",
  ]),
  out: [
    /^you must be a member of an organization/i,
    /^your request was made from an ip not authorized/i,
    /^your ip (?:address )?is not authorized/i,
    /^your account is not active\b(?! (?:for|in|on)\b)/i,
    /^country, region, or territory not supported/i,
    ...outOfAny,
  ],
  modelDenied: modelDeniedByAny,
};
