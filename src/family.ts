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

/** The `type` of an account, as written in config.toml. */
export type AccountType = "claude-api" | "claude-oauth" | "gemini-api" | "gemini" | "openai-responses";

export interface AccountTypeInfo {
  family: Family;
  /** Which configuration key carries the secret. */
  credential: "api_key" | "refresh_token";
  /** Where requests go when the account names no `api_url`; no trailing slash. */
  defaultUrl: string;
}

export const accountTypes: Readonly<Record<AccountType, AccountTypeInfo>> = {
  "claude-api": { family: "claude", credential: "api_key", defaultUrl: "https://api.anthropic.com" },
  "claude-oauth": { family: "claude", credential: "refresh_token", defaultUrl: "https://api.anthropic.com" },
  "gemini-api": {
    family: "gemini",
    credential: "api_key",
    defaultUrl: "https://generativelanguage.googleapis.com",
  },
  gemini: {
    family: "gemini",
    credential: "refresh_token",
    defaultUrl: "https://cloudcode-pa.googleapis.com",
  },
  "openai-responses": { family: "openai", credential: "api_key", defaultUrl: "https://api.openai.com/v1" },
};

/** The account id under which requests forwarded with the client's own credential are recorded. */
export const passthroughAccountId = "passthrough";
