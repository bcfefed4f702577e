// Faults in what is counted: tokens left out, counted twice, or of the wrong kind.

import type { Mutation } from "./mutation.ts";

const claude = { file: "usage/claude.ts", tests: "usage/claude.test.ts" };
const gemini = { file: "usage/gemini.ts", tests: "usage/gemini.test.ts" };
const openai = { file: "usage/openai.ts", tests: "usage/openai.test.ts" };
const chat = { file: "usage/chat.ts", tests: "usage/chat.test.ts" };

export const usageMutations: readonly Mutation[] = [
  {
    ...claude,
    file: "usage/observer.ts",
    from: "output: one.output + other.output,",
    to: "output: one.output + other.output + 1,",
  },
  { ...claude, from: 'input: figureOf(usage, "input_tokens") ?? before.input,', to: "input: before.input," },
  { ...claude, from: "cacheWrite5m: cacheWrite - oneHour,", to: "cacheWrite5m: cacheWrite," },
  {
    ...claude,
    from: "tokens: besides.map(countTokens).reduce(addTokens, countTokens(figures)),",
    to: "tokens: countTokens(figures),",
  },
  { ...claude, from: 'if (type === "error") return answer.error(data, true);', to: "" },
  {
    ...claude,
    from: '} else if (type === "message_stop" && scanMembers(data, [])) {',
    to: '} else if (type === "message_delta") {',
  },
  { ...gemini, from: "(prompt ?? 0) - (cached ?? 0)", to: "(prompt ?? 0)" },
  { ...gemini, from: "output: (candidates ?? 0) + (thoughts ?? 0),", to: "output: candidates ?? 0," },
  { ...gemini, from: "ended.size > 0 && underWay.size === 0", to: "ended.size > 0" },
  {
    ...openai,
    file: "usage/fields.ts",
    from: "Math.max(0, input - cacheRead - cacheWrite)",
    to: "Math.max(0, input - cacheRead)",
  },
  { ...openai, from: 'if (action === "search") searches++;', to: "searches++;" },
  { ...openai, from: 'readSpan(response, members.get("store")) !== false', to: "true" },
  { ...chat, from: 'figureOf(usage, "prompt_cache_hit_tokens") ??', to: "" },
  { ...chat, from: "if (data.equals(doneMark)) return answer.finish();", to: "" },
  {
    file: "usage/price.ts",
    from: "(request.webSearches * searchPrice) / 1000",
    to: "(request.webSearches * searchPrice) / 100",
    tests: "usage/price.test.ts",
  },
  {
    file: "usage/answer.ts",
    from: "closed === true && (!this.#afterStray || this.lateError !== undefined)",
    to: "closed === true",
    tests: "usage/claude.test.ts",
  },
];
