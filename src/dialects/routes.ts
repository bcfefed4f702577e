// How a dialect writes down its routes, and how a path is looked up among them.

import type { Operation } from "../call.ts";

export interface RouteRule {
  methods: readonly string[];
  /** Tested against the path without the relay's prefixes; the group `model` names the model. */
  pattern: RegExp;
  operation: Operation;
}

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

export function isKnownPath(rules: readonly RouteRule[], path: string): boolean {
  return rules.some((rule) => rule.pattern.test(path));
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

/** A malformed escape is left as it is: the provider says what it thinks of it. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
