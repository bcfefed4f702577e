// Recognises the answers of each operation by a field they always have. A 200 without it is not an answer of the API, whatever its content type
// says: a web page, another API's JSON, an error under a good status.

import type { Operation } from "../domain/call.ts";
import { type AnswerShape, anyObject } from "../usage/observer.ts";

type Shapes = Readonly<Partial<Record<Operation, AnswerShape>>>;

const member = (...names: string[]): AnswerShape => ({ marks: names.map((name) => ({ member: name })) });
const typed = (name: string, value: string): AnswerShape => ({ marks: [{ member: name, value }] });

/** Compatible hosts give the same: the clients of this API demand it. */
const claude: Shapes = {
  generate: typed("type", "message"),
  "count-tokens": member("input_tokens"),
  "list-models": member("data"),
  "get-model": member("id"),
};

/** Google leaves out members that are empty or zero: of a count of nothing, or a list of no models, there is `{}`. */
const orNothing = (shape: AnswerShape): AnswerShape => ({ ...shape, mayHoldNothing: true });

const googleCount = orNothing(
  member("totalTokens", "promptTokensDetails", "cachedContentTokenCount", "cacheTokensDetails"),
);

const gemini: Shapes = {
  // Of a blocked or empty answer the figures are all there is.
  generate: member("candidates", "promptFeedback", "usageMetadata"),
  "count-tokens": googleCount,
  embed: member("embedding", "embeddings"),
  "list-models": orNothing(member("models", "nextPageToken")),
  "get-model": member("name"),
};

/** Code Assist puts the public API's answers into an envelope; its other methods answer with objects of their own, or `{}`. */
const codeAssist: Shapes = {
  generate: member("response"),
  "count-tokens": googleCount,
  "code-assist": { ...anyObject, mayBeEmpty: true },
};

/** `models`: the list of a ChatGPT login's backend. */
const openai: Shapes = {
  generate: typed("object", "response"),
  compact: typed("object", "response.compaction"),
  "count-tokens": member("input_tokens"),
  stored: { ...member("object"), mayHaveFailed: true },
  "list-models": member("data", "models"),
  "get-model": member("id"),
};

/** Not every host that imitates the API names the kind of object. */
const chat: Shapes = { generate: member("choices") };

/** By the API that is spoken upstream. */
export const answerShapes = { claude, gemini, codeAssist, openai, chat } as const;

/** @returns any JSON object where the table says nothing of the operation. */
export function shapeOf(shapes: Shapes, operation: Operation): AnswerShape {
  return shapes[operation] ?? anyObject;
}
