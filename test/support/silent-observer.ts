// An observer that sees nothing in an answer, for tests of what is done with it.

import { type AnswerObserver, noTokens } from "../../src/usage/observer.ts";

export function silentObserver(some: Partial<AnswerObserver> = {}): AnswerObserver {
  return {
    push() {},
    end() {},
    opening: { kind: "content" },
    complete: false,
    form: "events",
    isTruncated: false,
    unreadable: undefined,
    lateError: undefined,
    report: { reported: false, tokens: noTokens, model: undefined, tier: undefined, webSearches: 0 },
    ids: [],
    encrypted: undefined,
    seals: [],
    ...some,
  };
}
