// Redacts secrets in text that a person or a log will see: texts of providers can echo a key.

/** The replacement of a secret. */
export const censored = "***";

/**
 * The text without anything that looks like a credential and without the `known` secrets.
 * Never changes text that holds none.
 */
export function redact(text: string, known: readonly string[] = []): string {
  let result = text;
  for (const secret of known) result = removeKnown(result, secret);
  return suspicious.test(result) ? removeShaped(result) : result;
}

/** Whether `redact` would change the text; cheap enough for every log line. */
export function holdsSecret(text: string, known: readonly string[] = []): boolean {
  return suspicious.test(text) || known.some((secret) => secret.length >= shortest && text.includes(secret));
}

/** Shorter keys are parts of ordinary words and figures: replacing them would hide the text and protect nothing. */
const shortest = 4;

/** From this length on a known secret is replaced inside words too. */
const distinctive = 8;

const suspicious =
  /sk-|AIza|AQ\.|ya29\.|1\/\/0|GOCSPX-|eyJ|bearer|basic|key=|token=|secret=|code=|:\/\/[^\s/@]*@/i;

// Anthropic, OpenAI and others: `sk-…`; not inside a word ("task-list").
const shapes: readonly [RegExp, string][] = [
  [/(?<![A-Za-z0-9_-])sk-ant-[A-Za-z0-9_-]{4,}/g, `sk-ant-${censored}`],
  [/(?<![A-Za-z0-9_-])sk-(?!ant-)[A-Za-z0-9_-]{6,}/g, `sk-${censored}`],
  // Google: API keys in their old and new form, access tokens, refresh tokens, client secrets.
  [/(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{6,}/g, `AIza${censored}`],
  [/(?<![A-Za-z0-9_-])AQ\.[A-Za-z0-9_-]{10,}/g, `AQ.${censored}`],
  [/(?<![A-Za-z0-9_-])ya29\.[A-Za-z0-9._-]{6,}/g, `ya29.${censored}`],
  [/(?<![A-Za-z0-9_/-])1\/\/0[A-Za-z0-9_-]{10,}/g, `1//0${censored}`],
  [/(?<![A-Za-z0-9_-])GOCSPX-[A-Za-z0-9_-]{6,}/g, `GOCSPX-${censored}`],
  // JSON Web Tokens (RFC 7519).
  [/(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?/g, `eyJ${censored}`],
  // Authorization values; words of a sentence ("bearer token is missing") are no token.
  [
    /\b(bearer|basic)(\s+)(?!sk-|AIza|ya29|eyJ)(?=[A-Za-z0-9._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{6,}/gi,
    `$1$2${censored}`,
  ],
  [/\b(bearer|basic)(\s+)(?!sk-|AIza|ya29|eyJ)[A-Za-z0-9._~+/=-]{20,}/gi, `$1$2${censored}`],
  // Secrets in a URL: query parameters, user information.
  [
    /([?&](?:key|api_key|access_token|refresh_token|token|client_secret|code)=)[^&\s"'<>\\]+/gi,
    `$1${censored}`,
  ],
  [/(:\/\/)[^\s/@"'\\]+@/g, `$1${censored}@`],
];

function removeShaped(text: string): string {
  let result = text;
  for (const [shape, replacement] of shapes) result = result.replace(shape, replacement);
  return result;
}

function removeKnown(text: string, secret: string): string {
  if (secret.length < shortest || !text.includes(secret)) return text;
  if (secret.length >= distinctive) return text.replaceAll(secret, censored);
  const alone = new RegExp(`(?<![A-Za-z0-9])${escapePattern(secret)}(?![A-Za-z0-9])`, "g");
  return text.replace(alone, censored);
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

/** The secrets that a process knows, for everything that it prints. None is ever forgotten: old ones are echoed too. */
export interface SecretList {
  add(...secrets: readonly (string | undefined)[]): void;
  /** The same array as long as nothing is added. */
  list(): readonly string[];
}

/** Tokens are rotated for as long as the relay runs: the oldest go. */
const maxSecrets = 2000;

export function createSecretList(): SecretList {
  let secrets: readonly string[] = [];
  return {
    add(...more) {
      const unknown = more.filter(
        (secret) => secret !== undefined && secret !== "" && !secrets.includes(secret),
      );
      if (unknown.length > 0) secrets = [...secrets, ...(unknown as string[])].slice(-maxSecrets);
    },
    list: () => secrets,
  };
}

/** A short beginning and stars, of the same number whatever the secret's length: `sk-ant****`. */
export function maskSecret(secret: string): string {
  // At most a quarter of it: the beginning of a short secret would be most of it.
  const shown = Math.min(6, Math.floor(secret.length / 4));
  return `${secret.slice(0, shown).replace(/\P{ASCII}|\p{Cc}/gu, "*")}****`;
}
