// Recognises the credential that a client sends of its own, by its form: which provider made it, and which headers go with it.
//
// Nothing is verified here: the provider does that. What is decided is where a credential may go at all.

import { makerOfKey } from "../config/key-shapes.ts";
import type { Call } from "../domain/call.ts";
import type { Family, ProviderName } from "../domain/family.ts";
import { parseJson, stringField } from "../json/json-values.ts";

export interface ClientLogin {
  /** Who made it, and where alone it is sent. */
  provider: ProviderName;
  /** `login`: a token that nobody but the client can refresh; `key`: an API key. */
  kind: "login" | "key";
  /** Identifies the login among others; to be hashed before it is kept anywhere. */
  identity: string;
  /** Raw pairs: the credential and what belongs to it, as the client sent them. Nothing else of the client's credentials. */
  headers: readonly string[];
  /** "" or "?…": the call's query, with the credential in it where the client put it there. */
  query: string;
  /** Its provider's list of models is for this login alone, and is not merged with others. */
  hasOwnModels: boolean;
}

type Sent = Pick<Call, "family" | "dialect" | "path" | "query" | "clientCredential" | "clientQuery">;

/** Undefined when the call carries no credential of the kind that its API's provider gives out. */
export function readClientLogin(call: Sent): ClientLogin | undefined {
  // Google's may be in the query.
  if (call.clientCredential.length === 0 && call.family !== "gemini") return undefined;
  switch (call.family) {
    case "claude":
      return readClaude(call);
    case "openai":
      return readChatGpt(call) ?? readOpenai(call);
    case "gemini":
      return readGoogle(call);
  }
}

/** Why a call cannot be served by a login of its client's, and what to do, as the rest of a sentence. */
export function missingLogin({ dialect }: Pick<Call, "dialect">): string {
  return dialect === "chat"
    ? "a ChatGPT login has no Chat Completions: send an API key of OpenAI's instead"
    : "this request carries none: log in at the client and start it with `cc-relay run --own-login`";
}

/**
 * What goes along in pass-through: a recognised login with its headers; of anything else what may be a credential for the provider that
 * is at the family's address, a company's gateway for instance, and nothing that another provider has made.
 */
export function ownCredential(call: Sent): Pick<ClientLogin, "headers" | "query"> {
  const login = readClientLogin(call);
  if (login) return login;
  const { clientCredential, clientQuery, query, family } = call;
  const isForeign = (maker: Family | undefined) => maker !== undefined && maker !== family;
  const headers = pairsOf(clientCredential).filter(
    ({ name, value }) => !isForeign(openaiNames.has(name) ? "openai" : makerOf(value)),
  );
  const makers = new URLSearchParams(clientQuery).getAll("key").map(makerOf);
  return {
    headers: headers.flatMap(({ pair }) => pair),
    query: makers.some(isForeign) ? query : clientQuery,
  };
}

/** Headers of no use anywhere else: they say whose account it is, or at whose cost. */
const openaiNames: ReadonlySet<string> = new Set([
  "chatgpt-account-id",
  "openai-organization",
  "openai-project",
]);

/** Whose credential the value of a header is, also behind `Bearer`. */
export function makerOf(value: string): Family | undefined {
  const token = tokenOf(value);
  return makerOfKey(token) ?? (isChatGptToken(token) ? "openai" : undefined);
}

function readClaude(call: Sent): ClientLogin | undefined {
  const pairs = pairsOf(call.clientCredential);
  const bearer = pairs.find(({ name, value }) => name === "authorization" && isBearer(value));
  if (bearer && /^sk-ant-oat/.test(tokenOf(bearer.value)))
    return loginOf(call, { provider: "claude", kind: "login", pairs: [bearer] });
  const isKey = /^sk-ant-(?!oat|ort)/;
  const key = pairs.find(
    ({ name, value }) =>
      isKey.test(tokenOf(value)) && (name === "x-api-key" || (name === "authorization" && isBearer(value))),
  );
  return key && loginOf(call, { provider: "claude", kind: "key", pairs: [key] });
}

/** A ChatGPT login opens the backend of Codex, which has no Chat Completions. */
function readChatGpt(call: Sent): ClientLogin | undefined {
  if (call.dialect === "chat") return undefined;
  const pairs = pairsOf(call.clientCredential);
  const account = pairs.find(({ name }) => name === "chatgpt-account-id");
  const bearer = pairs.find(({ name, value }) => name === "authorization" && isBearer(value));
  if (!account || !bearer || !isJsonWebToken(tokenOf(bearer.value))) return undefined;
  // The token changes with every refresh, the account does not.
  return {
    ...loginOf(call, { provider: "chatgpt", kind: "login", pairs: [bearer, account] }),
    identity: account.value,
    hasOwnModels: true,
  };
}

function readOpenai(call: Sent): ClientLogin | undefined {
  const pairs = pairsOf(call.clientCredential);
  const isKey = /^sk-(?!ant-|or-)/;
  const key = pairs.find(
    ({ name, value }) => name === "authorization" && isBearer(value) && isKey.test(tokenOf(value)),
  );
  if (!key) return undefined;
  const belonging = pairs.filter(({ name }) => openaiNames.has(name) && name !== "chatgpt-account-id");
  return loginOf(call, { provider: "openai", kind: "key", pairs: [key, ...belonging] });
}

/** A key opens the Gemini API, a login Code Assist and what its scopes allow of the other. */
function readGoogle(call: Sent): ClientLogin | undefined {
  const pairs = pairsOf(call.clientCredential);
  const isInternal = call.path.startsWith("/v1internal");
  const bearer = pairs.find(
    ({ name, value }) => name === "authorization" && isBearer(value) && tokenOf(value).startsWith("ya29."),
  );
  const provider = isInternal ? "codeAssist" : "gemini";
  if (bearer) return loginOf(call, { provider, kind: "login", pairs: [bearer] });
  if (isInternal) return undefined;
  const isKey = /^(?:AIza|AQ\.)/;
  const key = pairs.find(({ name, value }) => name === "x-goog-api-key" && isKey.test(value.trim()));
  if (key) return loginOf(call, { provider, kind: "key", pairs: [key] });
  const inQuery = new URLSearchParams(call.clientQuery).get("key");
  if (inQuery === null || !isKey.test(inQuery)) return undefined;
  return {
    ...loginOf(call, { provider, kind: "key", pairs: [] }),
    identity: inQuery,
    query: call.clientQuery,
  };
}

function loginOf(
  { query }: Sent,
  { provider, kind, pairs }: Pick<ClientLogin, "provider" | "kind"> & { pairs: readonly Pair[] },
): ClientLogin {
  return {
    provider,
    kind,
    identity: tokenOf(pairs[0]?.value ?? ""),
    headers: pairs.flatMap(({ pair }) => pair),
    query,
    hasOwnModels: false,
  };
}

interface Pair {
  /** Lower case. */
  name: string;
  value: string;
  /** As it came. */
  pair: readonly [string, string];
}

function pairsOf(raw: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const pair = [raw[at]!, raw[at + 1]!] as const;
    pairs.push({ name: pair[0].toLowerCase(), value: pair[1], pair });
  }
  return pairs;
}

function isBearer(value: string): boolean {
  return /^\s*Bearer\s/i.test(value);
}

function tokenOf(value: string): string {
  return value.trim().replace(/^Bearer\s+/i, "");
}

function isJsonWebToken(token: string): boolean {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(token);
}

/** By its issuer, as it says itself. */
function isChatGptToken(token: string): boolean {
  if (!isJsonWebToken(token)) return false;
  const claims = parseJson(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
  return stringField(claims, "iss")?.startsWith("https://auth.openai.com") === true;
}
