// Faults in how clients are understood and answered.

import type { Mutation } from "./mutation.ts";

const answers = [
  "dialects/chat/answer.test.ts",
  "dialects/chat/stream.test.ts",
  "dialects/chat/stream-bytes.test.ts",
  "dialects/chat/stream-errors.test.ts",
].join(" ");
const errors = "dialects/errors.test.ts";

export const dialectMutations: readonly Mutation[] = [
  {
    file: "dialects/chat/chunks.ts",
    from: 'if (!closed) out += "data: [DONE]\\n\\n";',
    to: "",
    tests: answers,
  },
  { file: "dialects/chat/chunks.ts", from: "position: calls++,", to: "position: calls,", tests: answers },
  {
    file: "dialects/chat/chunks.ts",
    from: "if (!call.begun) argumentsOf(call,",
    to: "if (call.begun) argumentsOf(call,",
    tests: answers,
  },
  {
    file: "dialects/chat/chunks.ts",
    from: "if (!(last >= 0xd800 && last <= 0xdbff)) return text.toWellFormed();",
    to: "if (last > 0) return text.toWellFormed();",
    tests: "dialects/chat/senders.test.ts",
  },
  {
    file: "dialects/chat/completion.ts",
    from: "count(usage.input_tokens) + cacheWrite + cacheRead",
    to: "count(usage.input_tokens) + cacheRead",
    tests: answers,
  },
  {
    file: "dialects/chat/completion.ts",
    from: 'case "max_tokens":\n',
    to: "",
    tests: answers,
  },
  {
    file: "dialects/chat/answer.ts",
    from: "pieces.push(decoder.decode(bytes, { stream: true }));",
    to: "pieces.push(decoder.decode(bytes));",
    tests: `${answers} dialects/chat/whole-answer.test.ts`,
  },
  {
    file: "dialects/chat/request/parameters.ts",
    from: "if (choices !== 1) {",
    to: "if (choices > 2) {",
    tests: "dialects/chat/parameters.test.ts dialects/chat/request-refusals.test.ts",
  },
  {
    file: "dialects/error-headers.ts",
    from: "Math.max(0, Math.ceil(error.retryAfterSeconds))",
    to: "Math.max(0, Math.floor(error.retryAfterSeconds))",
    tests: errors,
  },
  {
    file: "dialects/error-headers.ts",
    from: "hopeless.has(error.code) || wait > maxWaitSeconds ? false : undefined",
    to: "hopeless.has(error.code) ? false : undefined",
    tests: errors,
  },
  {
    file: "dialects/session.ts",
    from: ".update(text);",
    to: ";",
    tests: "dialects/session.test.ts",
  },
  {
    file: "dialects/claude.ts",
    from: 'readBoolean(body, members.get("stream")) === true',
    to: 'readBoolean(body, members.get("stream")) !== false',
    tests: "dialects/claude-read.test.ts dialects/read.test.ts",
  },
  {
    file: "dialects/routes.ts",
    from: "if (!rule.methods.includes(method)) continue;",
    to: "",
    tests: "dialects/routes.test.ts",
  },
];
