// Merges the events of a Gemini stream into the document that an unstreamed request gets.

import { fieldOf, isObject, type JsonObject, objectField, parseJson } from "../json/json-values.ts";

export interface MergedAnswer {
  /** One event's answer. What is no JSON object is left out. */
  add(json: Buffer): void;
  /** Undefined when there was none. */
  take(): Buffer | undefined;
}

/** Later members replace earlier ones, but for the parts of the same candidate, which follow one another. */
export function createMergedAnswer(): MergedAnswer {
  let answer: JsonObject | undefined;
  const candidates = new Map<unknown, JsonObject>();

  function addCandidate(candidate: JsonObject): void {
    const key = candidate.index ?? 0;
    const before = candidates.get(key);
    const parts = [...partsOf(before), ...partsOf(candidate)];
    const content = { ...objectField(before, "content"), ...objectField(candidate, "content"), parts };
    candidates.set(key, { ...before, ...candidate, content });
  }

  return {
    add(json) {
      const event = parse(json);
      if (!event) return;
      answer = { ...answer, ...event };
      if (!Array.isArray(event.candidates)) return;
      for (const candidate of event.candidates) if (isObject(candidate)) addCandidate(candidate);
    },
    take() {
      if (!answer) return undefined;
      if (candidates.size > 0) answer.candidates = [...candidates.values()];
      return Buffer.from(JSON.stringify(answer));
    },
  };
}

function parse(json: Buffer): JsonObject | undefined {
  const value = parseJson(json.toString("utf8"));
  return isObject(value) ? value : undefined;
}

function partsOf(candidate: JsonObject | undefined): unknown[] {
  const parts = fieldOf(fieldOf(candidate, "content"), "parts");
  return Array.isArray(parts) ? parts : [];
}
