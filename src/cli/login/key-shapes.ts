// Whether a text can be the API key that was asked for. Pure; no sentence of it quotes the text.

import { type Family, familyNames, providerUrls } from "../../family.ts";

export type KeyVerdict =
  | { kind: "fine" }
  /** It cannot be one. `fix` is what to do instead. */
  | { kind: "refused"; what: string; fix: string }
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
  if (login !== undefined) return { kind: "refused", what: login.what, fix: howToLogIn(login.family) };
  const owner = owners.find(({ pattern }) => pattern.test(text))?.family;
  if (owner !== undefined && owner !== family) {
    const what = `that is a key for ${familyNames[owner]}, and this account is for ${familyNames[family]}`;
    return { kind: "refused", what, fix: `to add it there, run: cc-relay login ${owner} --api-key` };
  }
  const { pattern, words } = beginnings[family];
  if (pattern.test(text)) return { kind: "fine" };
  return {
    kind: "doubtful",
    what: `that does not look like a key for ${familyNames[family]}: they begin with ${words}`,
  };
}

const beginnings: Readonly<Record<Family, { pattern: RegExp; words: string }>> = {
  claude: { pattern: /^sk-ant-/, words: "sk-ant-" },
  gemini: { pattern: /^(AIza|AQ\.)/, words: "AIza or AQ." },
  openai: { pattern: /^sk-/, words: "sk-" },
};

/** Only beginnings that nobody else's keys have: a bare `sk-` is given out by many. */
const owners: readonly { pattern: RegExp; family: Family }[] = [
  { pattern: /^sk-ant-/, family: "claude" },
  { pattern: /^(AIza|AQ\.)/, family: "gemini" },
  { pattern: /^sk-(proj|svcacct)-/, family: "openai" },
];

/** Tokens of logins, by the beginnings that their providers give them. `family` is whose login it is, where the relay can log in. */
const logins: readonly { pattern: RegExp; what: string; family?: Family }[] = [
  {
    pattern: /^sk-ant-o[ar]t/,
    what: "that is a token of a Claude login (OAuth), not an API key",
    family: "claude",
  },
  {
    pattern: /^(ya29\.|1\/\/0|GOCSPX-)/,
    what: "that belongs to a Google login (OAuth) and is no API key",
    family: "gemini",
  },
  {
    // Codex keeps such tokens of a ChatGPT login in its auth.json.
    pattern: /^eyJ[\w-]+\.[\w-]+\./,
    what: "that is a token of a login (a JSON Web Token), not an API key",
  },
];

function howToLogIn(family: Family | undefined): string {
  return family === undefined
    ? "make an API key in the provider's console and give that"
    : `tokens are fetched, never pasted: to log in, run: cc-relay login ${family}`;
}

/** What copying does to a key. */
function findDamage(text: string): { what: string; fix: string } | undefined {
  const whole = "copy the key alone, from its beginning to its end";
  if (text === "") return { what: "there is no key", fix: whole };
  if (/^(export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=/.test(text)) {
    return {
      what: "that is a line that sets a variable, not a key",
      fix: "give what stands behind the = alone",
    };
  }
  if (/^(bearer|x-api-key:|authorization:)\s/i.test(text)) {
    return { what: "that is a header, not a key", fix: "give the last word of it alone" };
  }
  if (/^["'`].*["'`]$/.test(text)) return { what: "that key stands in quotes", fix: "leave them out" };
  if (/\s/.test(text)) return { what: "that is more than one word, and no key is", fix: whole };
  if (/[•…]|\.\.\.|\*\*\*/.test(text)) {
    return {
      what: "that is a shortened key as web pages show it",
      fix: "copy the whole one, or make a new one",
    };
  }
  if (/[^\x21-\x7e]/.test(text)) return { what: "that holds a character that no key has", fix: whole };
  return undefined;
}
