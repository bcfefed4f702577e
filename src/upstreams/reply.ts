// Classifies replies by their status alone, and reads bodies that should be JSON and may be a web page.

import type { ReplyHead } from "../account-kinds/upstream.ts";
import type { Failure } from "../domain/failure.ts";
import { isOfEdge, isWebPage } from "./edge.ts";
import { firstWords, reasonFrom } from "./reason.ts";
import { readStanding, type StandingWords } from "./standing.ts";

export interface SaidOfStanding {
  status: number;
  /** Every code, type or reason in the error. */
  codes: readonly (string | undefined)[];
  message: string;
  reason: string;
}

/**
 * What an error of status 400, 401, 403 or 429 says about the standing of its account; undefined when it is about something
 * else. A credential is refused with a 401 or 403 only, and Google's keys with a 400.
 */
export function classifyStanding(
  { status, codes, message, reason }: SaidOfStanding,
  words: StandingWords,
): Failure | undefined {
  switch (readStanding({ codes, message }, words)) {
    case "out":
      return { kind: "account-out", reason };
    case "refused":
      return status === 401 || status === 403 ? { kind: "unauthorized", reason } : undefined;
    case "model-denied":
      return status === 403 ? { kind: "model-denied", reason } : undefined;
    case undefined:
      return undefined;
  }
}

/** What every provider means by a status, where its text says no more. `until` is for missing capacity. */
export function classifyStatusAlone(
  head: ReplyHead,
  { reason, until, text }: { reason: string; until: number | undefined; text: string },
): Failure {
  const { status } = head;
  switch (status) {
    case 402:
      return { kind: "account-out", reason };
    case 503:
    case 529:
      return { kind: "capacity", until, reason };
  }
  const isRequest = status >= 400 && status < 500;
  if (isRequest) return { kind: "rejected", status, reason };
  return {
    kind: "server-error",
    status,
    reason,
    ...(status >= 500 && isOfEdge(head, text) && { isOfEdge: true }),
  };
}

/** What to call a failure whose body holds no error in the API's form. */
export function describeReply(head: ReplyHead, body: string): string {
  const status = `the provider answered with status ${head.status}`;
  if (isWebPage(head, body)) {
    const title = /<title(?: [^<>]{0,200})?>([^<]{1,120})/i.exec(firstWords(body))?.[1];
    return reasonFrom([title && `${status} and the web page "${title.trim()}"`], `${status} and a web page`);
  }
  // Unreadable JSON would only be noise.
  return reasonFrom([/^\s*[{[]/.test(firstWords(body)) ? undefined : body], status);
}
