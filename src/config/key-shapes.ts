// Checks whether a text can be the API key or token that is expected. Pure; no message quotes the text.

import { type Advice, toRun } from "../domain/errors.ts";
import { type Family, familyNames, providerUrls } from "../domain/family.ts";

export type KeyVerdict =
  | { kind: "fine" }
  /** It cannot be one. `what` is the rest of a sentence about it, `fix` what to do instead. */
  | { kind: "refused"; what: string; fix: Advice }
  /** It may be one that nobody has seen yet. */
  | { kind: "doubtful"; what: string };

export interface KeyQuestion {
  family: Family;
  /** Where the key will be sent; another provider behind the same API has keys of other forms. */
  apiUrl: string | undefined;
}

export function classifyKey(text: string, { family, apiUrl }: KeyQuestion): KeyVerdict {
  const damage = findDamage(text);
  if (damage !== undefined) return { kind: "refused", ...damage };
  if (apiUrl !== undefined && apiUrl !== providerUrls[family]) return { kind: "fine" };
  const login = logins.find(({ pattern }) => pattern.test(text));
  if (login !== undefined)
    return { kind: "refused", what: login.what, fix: login.fix ?? howToLogIn(login.family) };
  const owner = makerOfKey(text);
  if (owner !== undefined && owner !== family) {
    const what = `is a key for ${familyNames[owner]}, and this account is for ${familyNames[family]}`;
    return { kind: "refused", what, fix: toRun("add it there", `cc-relay login ${owner} --api-key`) };
  }
  const { pattern, words } = beginnings[family];
  if (pattern.test(text)) return { kind: "fine" };
  return {
    kind: "doubtful",
    what: `does not look like a key for ${familyNames[family]}: they begin with ${words}`,
  };
}

/** Whether a text can be what `claude setup-token` prints. */
export function classifySetupToken(text: string): KeyVerdict {
  const damage = findDamage(text);
  if (damage !== undefined) return { kind: "refused", ...damage };
  if (text.startsWith("sk-ant-oat")) return { kind: "fine" };
  const fix = "give what `claude setup-token` prints: it begins with sk-ant-oat01-";
  if (text.startsWith("sk-ant-")) return { kind: "refused", what: "is no setup token", fix };
  return { kind: "doubtful", what: "does not look like a setup token: they begin with sk-ant-oat01-" };
}

export interface Doubt {
  what: string;
  fix: Advice;
}

/**
 * What is doubtful about a configured credential, as the rest of a sentence that begins with its key, and what to do; undefined
 * when nothing is. It may work all the same, so that it is never more than a warning.
 */
export function findCredentialDoubt(
  key: "api_key" | "refresh_token" | "setup_token",
  text: string,
  question: KeyQuestion,
): Doubt | undefined {
  if (/^\$\w+$|^\$?\{.*\}$|^%\w+%$/.test(text)) {
    const fix =
      key === "api_key"
        ? 'write api_key_env = "NAME" to take it from the environment'
        : { instruction: "write the token itself, or run:", command: "cc-relay login" };
    return { what: "is the name of a variable, which is not replaced by its value here", fix };
  }
  return doubtOfKind(key, text, question) ?? doubtOfLength(key === "api_key" ? "key" : "token", text);
}

function doubtOfKind(
  key: "api_key" | "refresh_token" | "setup_token",
  text: string,
  question: KeyQuestion,
): Doubt | undefined {
  switch (key) {
    case "api_key":
      return doubtOf(classifyKey(text, question));
    case "setup_token":
      return doubtOf(classifySetupToken(text));
    case "refresh_token":
      return otherThanRefreshToken(text, question.family);
  }
}

function doubtOfLength(word: "key" | "token", text: string): Doubt | undefined {
  const length = wholeLengths.find(({ pattern }) => pattern.test(text))?.length ?? 0;
  if (text.length >= length) return undefined;
  const fix = `copy the whole ${word}, from its beginning to its end`;
  return { what: `is shorter than such ${word}s are`, fix };
}

/** Keys and access tokens, which stand beside it in the files that logins are kept in. */
function otherThanRefreshToken(text: string, family: Family): Doubt | undefined {
  if (family === "claude") {
    if (!/^sk-ant-(?!ort)/.test(text)) return undefined;
    const fix = text.startsWith("sk-ant-oat")
      ? {
          instruction: "write setup_token if `claude setup-token` printed it, or run:",
          command: "cc-relay login claude",
        }
      : { instruction: "run:", command: "cc-relay login claude" };
    return { what: "is no refresh token: Claude's begin with sk-ant-ort", fix };
  }
  if (!/^(?:AIza|AQ\.|ya29\.|sk-|eyJ[\w-]+\.)/.test(text)) return undefined;
  const fix = { instruction: "run:", command: `cc-relay login ${family}` };
  return { what: "is a key or an access token, not a refresh token", fix };
}

/** Forms that nobody has seen yet are not worth a warning at every start. */
function doubtOf(verdict: KeyVerdict): Doubt | undefined {
  return verdict.kind === "refused" ? { what: verdict.what, fix: verdict.fix } : undefined;
}

/** What the providers give out has at least these lengths: half a key is what a selection by hand leaves of it. */
const wholeLengths: readonly { pattern: RegExp; length: number }[] = [
  { pattern: /^sk-ant-(?:api|oat|ort)\d\d-/, length: 90 },
  { pattern: /^1\/\/0/, length: 80 },
  { pattern: /^AIza/, length: 39 },
  { pattern: /^sk-(?:proj|svcacct)-/, length: 80 },
];

const beginnings: Readonly<Record<Family, { pattern: RegExp; words: string }>> = {
  claude: { pattern: /^sk-ant-/, words: "sk-ant-" },
  gemini: { pattern: /^(AIza|AQ\.)/, words: "AIza or AQ." },
  openai: { pattern: /^sk-/, words: "sk-" },
};

/** Whose key or token a text is; undefined where its beginning does not say so: a bare `sk-` is given out by many. */
export function makerOfKey(text: string): Family | undefined {
  return makers.find(({ pattern }) => pattern.test(text))?.family;
}

const makers: readonly { pattern: RegExp; family: Family }[] = [
  { pattern: /^sk-ant-/, family: "claude" },
  { pattern: /^(?:ya29\.|AIza|AQ\.)/, family: "gemini" },
  { pattern: /^sk-(?:proj|svcacct|admin)-/, family: "openai" },
];

/** Tokens of logins and other credentials that are no keys, by the beginnings that their providers give them. `family` is whose login it is, where the relay can log in. */
const logins: readonly { pattern: RegExp; what: string; family?: Family; fix?: Advice }[] = [
  {
    pattern: /^sk-ant-oat/,
    what: "is a token of a Claude login (OAuth), not an API key",
    fix: toRun("give what `claude setup-token` printed", "cc-relay login claude --setup-token"),
  },
  {
    pattern: /^sk-ant-ort/,
    what: "is a token of a Claude login (OAuth), not an API key",
    family: "claude",
  },
  {
    pattern: /^sk-ant-admin/,
    what: "is a key for the administration of an organisation, and no model answers it",
    fix: "make an ordinary key at platform.claude.com and give that",
  },
  {
    pattern: /^sk-admin-/,
    what: "is a key for the administration of an organisation, and no model answers it",
    fix: "make an ordinary key at platform.openai.com and give that",
  },
  {
    pattern: /^(ya29\.|1\/\/0|GOCSPX-)/,
    what: "belongs to a Google login (OAuth) and is no API key",
    family: "gemini",
  },
  {
    // Codex keeps such tokens of a ChatGPT login in its auth.json.
    pattern: /^eyJ[\w-]+\.[\w-]+\./,
    what: "is a token of a login (a JSON Web Token), not an API key",
  },
];

function howToLogIn(family: Family | undefined): Advice {
  return family === undefined
    ? "make an API key in the provider's console and give that"
    : {
        instruction: "tokens are fetched, never pasted: to log in, run:",
        command: `cc-relay login ${family}`,
      };
}

/** What copying does to a key. */
function findDamage(text: string): { what: string; fix: string } | undefined {
  const whole = "copy the key alone, from its beginning to its end";
  if (text === "") return { what: "is empty", fix: whole };
  if (/^(export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=/.test(text)) {
    return {
      what: "is a line that sets a variable, not a key",
      fix: "give only what comes after the =",
    };
  }
  if (/^(bearer|x-api-key:|authorization:)\s/i.test(text)) {
    return { what: "is a header, not a key", fix: "give only its last word" };
  }
  if (/^["'`].*["'`]$/.test(text)) return { what: "is in quotes", fix: "leave them out" };
  if (/\s/.test(text)) return { what: "is more than one word, and no key is", fix: whole };
  if (/[•…]|\.\.\.|\*\*\*/.test(text)) {
    return {
      what: "is a shortened key as web pages show it",
      fix: "copy the whole one, or make a new one",
    };
  }
  if (/[^\x21-\x7e]/.test(text)) return { what: "holds a character that no key has", fix: whole };
  return undefined;
}
