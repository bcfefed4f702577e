// All dialects, and the route of a request: by its path, or by what its path was probably meant to be.

import { chatDialect } from "./chat/index.ts";
import { claudeDialect } from "./claude.ts";
import type { Dialect, Route } from "./dialect.ts";
import { geminiDialect } from "./gemini.ts";
import { openaiDialect } from "./openai.ts";
import { collapseSlashes, findPathFault, type PathFault } from "./routes.ts";

/** In matching order. */
export const dialects: readonly Dialect[] = [claudeDialect, openaiDialect, chatDialect, geminiDialect];

export interface MatchedRoute {
  dialect: Dialect;
  route: Route;
}

/** `path` has no query. */
export function matchRoute(method: string, path: string): MatchedRoute | undefined {
  for (const dialect of dialects) {
    const route = dialect.match(method, path);
    if (route !== undefined) return { dialect, route };
  }
  return undefined;
}

/** What a target's path is: its fault, else its route. */
export interface ReadPath {
  fault: PathFault | undefined;
  /** Undefined: there is no such route with this method. */
  matched: MatchedRoute | undefined;
}

/** Clients ask for few paths; longer ones, and more than these, are looked at anew each time. */
const maxKnownPaths = 200;
const maxKnownLength = 200;

/** Reads paths, and remembers those of routes: a dozen regular expressions for each request would be the same again. */
export function createPathReader(): (method: string, path: string) => ReadPath {
  const known = new Map<string, ReadPath>();
  return (method, path) => {
    const key = `${method} ${path}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const fault = pathFault(path);
    const read = { fault, matched: fault === undefined ? matchRoute(method, path) : undefined };
    if (read.matched !== undefined && key.length <= maxKnownLength && known.size < maxKnownPaths)
      known.set(key, read);
    return read;
  };
}

/**
 * The methods that a path has, for a 405; empty when there is no such route. A word behind a model's name (`:predict`) is one of
 * Google's methods that the relay does not have: that the model could be looked up under such a name is no help.
 */
export function allowedMethods(path: string): string[] {
  if (/\/models\/[^/]+(?::|%3[Aa])\w+$/.test(path) && matchRoute("POST", path) === undefined) return [];
  return ["GET", "POST", "DELETE"].filter((method) => matchRoute(method, path) !== undefined);
}

/** What keeps a path from being looked at any further; see findPathFault in routes.ts. */
export function pathFault(path: string): PathFault | undefined {
  return findPathFault(path, { isRoute: isRoutePath(path) });
}

/** Whether the path is a route's, with this method or another. */
export function isRoutePath(path: string): boolean {
  return dialects.some((dialect) => dialect.knows(path));
}

/** The dialect in whose form a 404 or 405 is sent. */
export function nearestDialect(path: string): Dialect {
  const known = dialects.find((dialect) => dialect.knows(path));
  if (known !== undefined) return known;
  const collapsed = collapseSlashes(path);
  return guesses.find(({ pattern }) => pattern.test(collapsed))?.dialect ?? claudeDialect;
}

const guesses: readonly { pattern: RegExp; dialect: Dialect }[] = [
  { pattern: /\/chat\/completions$/, dialect: chatDialect },
  {
    pattern: /(?:^\/gemini(?:\/|$)|\/v1(?:beta|alpha|internal)(?:[/:]|$)|\/models\/[^/]*:\w+$)/,
    dialect: geminiDialect,
  },
  { pattern: /\/messages(?:\/|$)|^\/claude(?:\/|$)/, dialect: claudeDialect },
  {
    pattern:
      /^\/openai(?:\/|$)|\/(?:responses|completions|embeddings|conversations|images|audio)(?:\/|$)|^\/models/,
    dialect: openaiDialect,
  },
];

/**
 * The base URL that the client should have been given, when its path is a known one behind a wrong base; undefined when no
 * base URL would fix it.
 */
export function baseUrlHint(path: string, host: string): string | undefined {
  const collapsed = collapseSlashes(path);
  const corrected = correctPath(collapsed);
  if (corrected === undefined) return undefined;
  const { base, tail } = corrected;
  const works = base + tail !== collapsed && dialects.some((dialect) => dialect.knows(base + tail));
  return works ? `http://${host}${base}` : undefined;
}

interface Corrected {
  base: string;
  /** What the client appends to its base URL. */
  tail: string;
}

/** OpenAI's clients want the version in the base URL, Google's and most of Claude's append it themselves. */
function correctPath(path: string): Corrected | undefined {
  const prefix = /^\/(?:api|claude|gemini|openai)(?=\/)/.exec(path)?.[0] ?? "";
  const keep = (...own: string[]) => (own.includes(prefix) ? prefix : "");

  // Google's OpenAI-compatible API is OpenAI's to the client.
  const compatible = /\/v1(?:beta|alpha)?\/openai(\/(?:chat\/completions|responses|models)(?:\/.*)?)$/.exec(
    path,
  );
  if (compatible !== null) return { base: "/openai/v1", tail: compatible[1] ?? "" };

  const openai = /\/(?:chat\/completions|responses(?:\/.*)?)$/.exec(path);
  if (openai !== null) return { base: `${keep("/openai")}/v1`, tail: openai[0] };

  const claude = /(\/v1)?(\/messages(?:\/count_tokens)?)$/.exec(path);
  if (claude !== null)
    return withVersion(keep("/api", "/claude"), { version: claude[1], missing: "/v1", tail: claude[2] });

  const gemini = /(\/v1(?:beta|alpha)?)?(\/(?:models|tunedModels)\/[^/]+(?::|%3[Aa])[A-Za-z]+)$/.exec(path);
  if (gemini !== null)
    return withVersion(keep("/gemini"), { version: gemini[1], missing: "/v1beta", tail: gemini[2] });

  const internal = /\/v1internal:[A-Za-z]+$/.exec(path);
  if (internal !== null) return { base: keep("/gemini"), tail: internal[0] };

  const models = /(\/v1(?:beta|alpha)?)?(\/models(?:\/[^/]+)?)$/.exec(path);
  if (models === null) return undefined;
  if (models[1] === undefined && prefix === "") return { base: "/openai/v1", tail: models[2] ?? "" };
  const missing = prefix === "/gemini" ? "/v1beta" : "/v1";
  if (prefix === "/openai") return { base: "/openai/v1", tail: models[2] ?? "" };
  return withVersion(prefix, { version: models[1], missing, tail: models[2] });
}

/** A client that sent the version appends it; one that did not wants it in its base URL. */
function withVersion(
  base: string,
  { version, missing, tail = "" }: { version: string | undefined; missing: string; tail: string | undefined },
): Corrected {
  return version === undefined ? { base: base + missing, tail } : { base, tail: version + tail };
}
