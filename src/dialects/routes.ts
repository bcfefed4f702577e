// The routes of a dialect, and how a path is looked up among them.

import type { Operation } from "../domain/call.ts";

export interface RouteRule {
  methods: readonly string[];
  /** Tested against the path without the relay's prefixes; the group `model` names the model. */
  pattern: RegExp;
  operation: Operation;
}

/** Google's methods on a model, `models/M:METHOD`; a colon may also be part of a model's own name (`llama:free`). */
export const modelMethods = [
  "generateContent",
  "streamGenerateContent",
  "countTokens",
  "embedContent",
  "batchEmbedContents",
] as const;

/** For regular expressions: a model's name with a method behind it. Some HTTP libraries escape the colon. */
export const methodEnding = `(?::|%3[Aa])(?:${modelMethods.join("|")})$`;

export interface FoundRoute {
  operation: Operation;
  /** URL-decoded; undefined when the path names none. */
  model: string | undefined;
}

export function findRoute(rules: readonly RouteRule[], method: string, path: string): FoundRoute | undefined {
  for (const rule of rules) {
    if (!rule.methods.includes(method)) continue;
    const match = rule.pattern.exec(path);
    if (match === null) continue;
    const model = match.groups?.model;
    return { operation: rule.operation, model: model === undefined ? undefined : decodeSegment(model) };
  }
  return undefined;
}

/** @param path undefined for one that is another API's. */
export function isKnownPath(rules: readonly RouteRule[], path: string | undefined): boolean {
  return path !== undefined && rules.some((rule) => rule.pattern.test(path));
}

/** A base URL with a slash at its end makes clients send `//v1/messages`. */
export function collapseSlashes(path: string): string {
  return path.replaceAll(/\/{2,}/g, "/");
}

/** The path behind the first of these prefixes that it has; the path itself when it has none. */
export function withoutPrefix(path: string, prefixes: readonly string[]): string {
  const prefix = prefixes.find((each) => path.startsWith(`${each}/`));
  return prefix === undefined ? path : path.slice(prefix.length);
}

/** What the path may not have; undefined where nothing is wrong with it. */
export type PathFault = "dot-segment" | "identifier";

/**
 * What of a path would mean something else at a provider than here. Dot segments are a fault in every path and in every
 * spelling; with `isRoute`, so is everything in an identifier that is not plain text. A model's name may hold encoded slashes.
 */
export function findPathFault(path: string, { isRoute }: { isRoute: boolean }): PathFault | undefined {
  let before = "";
  let fault: PathFault | undefined;
  for (const segment of path.split("/")) {
    if (segment === "") continue;
    const decoded = decodeSegment(segment.replace(method, ""));
    if (dotSegment.test(decoded)) return "dot-segment";
    const mayHaveSlash = before === "models" || before === "tunedModels";
    const identifiers = mayHaveSlash ? decoded.split("/") : [decoded];
    if (!identifiers.every((each) => identifier.test(each))) fault = "identifier";
    before = segment;
  }
  return isRoute ? fault : undefined;
}

const method = new RegExp(methodEnding);
/** Some servers take a backslash for a slash. */
const dotSegment = /(?:^|[/\\])\.\.?(?:[/\\]|$)/;
const identifier = /^[A-Za-z0-9._:@+~-]+$/;

/** A malformed escape is left as it is. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
