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

/** The `type` of an account, as written in config.toml: see upstreams/kinds.ts. */
export type AccountType =
  | "claude-api"
  | "claude-oauth"
  | "gemini-api"
  | "gemini"
  | "openai-responses"
  | "client";

/** The account id under which requests forwarded with the client's own credential are recorded. */
export const passthroughAccountId = "passthrough";
