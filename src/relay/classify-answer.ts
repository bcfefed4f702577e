// Classifies a 2xx: whether it is an answer of the API that was asked, before the client has seen a byte of it.

import type { Failure } from "../domain/failure.ts";
import type { AnswerObserver } from "../usage/observer.ts";

export interface OpenedAnswer {
  status: number;
  /** Undefined when it failed: then nothing is known of the answer. */
  observer: AnswerObserver | undefined;
  /** The answer has ended cleanly. */
  isWhole: boolean;
}

export interface BadAnswer {
  failure: Failure;
  /** Whether it is an answer in the API's form all the same, which a client can read where no account has a better one. */
  mayBePassedOn: boolean;
}

/** Undefined for a good answer, as far as it has come. `readErrorEvent` says what an error means. */
export function classifyAnswer(
  { status, observer, isWhole }: OpenedAnswer,
  readErrorEvent: (event: unknown) => Failure,
): BadAnswer | undefined {
  if (!observer) return undefined;
  const { opening, form } = observer;
  if (opening.kind === "error") {
    const failure = readErrorEvent(opening.event);
    if (opening.isAnswer) return { failure, mayBePassedOn: true };
    // Under a good status a client would not see that the request is at fault.
    return { failure: isBlaming(failure) ? failure : noAnswer(reasonOf(failure)), mayBePassedOn: false };
  }
  if (opening.kind === "foreign") return invalid(status, opening.what);
  if (opening.kind === "pending" && opening.unknown !== undefined) return invalid(status, opening.unknown);
  if (!isWhole || !observer.isTruncated) return undefined;
  if (form === undefined) return invalid(status, "an empty body");
  const where =
    form === "events" ? "the stream ended before its first event" : "the answer ended inside of its JSON";
  return { failure: noAnswer(where), mayBePassedOn: false };
}

/** What a throw in a classifier costs: this attempt. */
export function guardClassifier<T extends BadAnswer | undefined>(
  onError: (error: unknown) => void,
  classify: () => T,
): T | BadAnswer {
  try {
    return classify();
  } catch (error) {
    onError(error);
    return { failure: noAnswer("its answer could not be classified"), mayBePassedOn: false };
  }
}

function invalid(status: number, what: string): BadAnswer {
  return {
    failure: noAnswer(`the provider answered with status ${status} and ${what}`),
    mayBePassedOn: false,
  };
}

function noAnswer(reason: string): Failure {
  return { kind: "server-error", status: 502, reason };
}

/** Whether the failure says something of the account or the provider, not of the request. */
function isBlaming({ kind }: Failure): boolean {
  return kind !== "rejected" && kind !== "model-missing" && kind !== "unexplained-refusal";
}

function reasonOf(failure: Failure): string {
  return "reason" in failure ? failure.reason : failure.kind;
}
