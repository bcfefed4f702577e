// Observes the answers of Google's two APIs: the public one, and Code Assist, which puts the same into an envelope.

import type { Call } from "../domain/call.ts";
import { observeGemini } from "../usage/gemini.ts";
import type { AnswerObserver } from "../usage/observer.ts";
import { answerShapes, shapeOf } from "./answer-shapes.ts";

type Asked = Pick<Call, "operation" | "stream">;

/** A stream without `alt=sse` is one array, and an error in place of any stream may come in one: `mayBeArray`. */
export function observePublicApi({ operation, stream }: Asked): AnswerObserver {
  return observeGemini({
    shape: { ...shapeOf(answerShapes.gemini, operation), mayBeArray: stream },
    wrapped: false,
  });
}

export function observeCodeAssist({ operation, stream }: Asked): AnswerObserver {
  return observeGemini({
    shape: { ...shapeOf(answerShapes.codeAssist, operation), mayBeArray: stream },
    wrapped: operation === "generate",
  });
}
