// The API families and the kinds of account that serve them.

/** An API family: which provider's wire format an account speaks. */
export type Family = "claude" | "gemini" | "openai";

export const families: readonly Family[] = ["claude", "gemini", "openai"];

/** As a sentence names them. */
export const familyNames: Readonly<Record<Family, string>> = {
  claude: "Claude",
  gemini: "Gemini",
  openai: "OpenAI",
};

/** Whose servers answer; where pass-through and `client` accounts go is chosen by the credential that the client sends. */
export type ProviderName = "claude" | "gemini" | "openai" | "chatgpt" | "codeAssist";

/** The providers' own addresses; no trailing slash. */
export const providerUrls: Readonly<Record<ProviderName, string>> = {
  claude: "https://api.anthropic.com",
  gemini: "https://generativelanguage.googleapis.com",
  openai: "https://api.openai.com/v1",
  chatgpt: "https://chatgpt.com/backend-api/codex",
  codeAssist: "https://cloudcode-pa.googleapis.com",
};

/** The `type` of an account, as written in config.toml. */
export type AccountType =
  | "claude-api"
  | "claude-oauth"
  | "gemini-api"
  | "gemini"
  | "openai-responses"
  | "client";

export interface AccountTypeInfo {
  /** Undefined: the account's own `family` key says it. */
  family: Family | undefined;
  /** Which configuration key carries the secret; undefined: there is none, the client brings its own. */
  credential: "api_key" | "refresh_token" | undefined;
  /** Whether `setup_token` may stand in place of that key. */
  setupToken: boolean;
  /** Whether other hosts speak this API too: `auth`, `model_map` and what else is for them. */
  compatible: boolean;
  /** Where requests go when the account names no `api_url`; no trailing slash. Undefined: the family's. */
  defaultUrl: string | undefined;
}

const plainKey = { credential: "api_key", setupToken: false } as const;
const login = { credential: "refresh_token", setupToken: false, compatible: false } as const;

export const accountTypes: Readonly<Record<AccountType, AccountTypeInfo>> = {
  "claude-api": { family: "claude", ...plainKey, compatible: true, defaultUrl: providerUrls.claude },
  "claude-oauth": { family: "claude", ...login, setupToken: true, defaultUrl: providerUrls.claude },
  "gemini-api": { family: "gemini", ...plainKey, compatible: false, defaultUrl: providerUrls.gemini },
  gemini: { family: "gemini", ...login, defaultUrl: providerUrls.codeAssist },
  "openai-responses": { family: "openai", ...plainKey, compatible: true, defaultUrl: providerUrls.openai },
  client: {
    family: undefined,
    credential: undefined,
    setupToken: false,
    compatible: false,
    defaultUrl: undefined,
  },
};

/** The account id under which requests forwarded with the client's own credential are recorded. */
export const passthroughAccountId = "passthrough";
