// Whether a request begins a turn, or brings a tool's result back: only at the beginning of one a session leaves a last resort.

import assert from "node:assert/strict";
import { test } from "node:test";
import { chatDialect } from "../../src/dialects/chat/index.ts";
import { claudeDialect } from "../../src/dialects/claude.ts";
import { openaiDialect } from "../../src/dialects/openai.ts";

const user = (content: unknown) => ({ role: "user", content });
const note = { role: "system", content: "The user sent a new message while you were working" };
const developer = { type: "message", role: "developer", content: [{ type: "input_text", text: "note" }] };
const result = { type: "tool_result", tool_use_id: "toolu_1", content: "done" };
const asked = { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "Bash", input: {} }] };
const output = { type: "function_call_output", call_id: "call_1", output: "done" };
const toolMessage = { role: "tool", tool_call_id: "call_1", content: "done" };

const cases = [
  ["claude", { messages: [user("hi")] }, true],
  ["claude", { messages: [user("hi"), note] }, true],
  ["claude", { messages: [user("hi"), asked, user([result])] }, false],
  ["claude", { messages: [user("hi"), asked, user([result, { type: "text", text: "and" }])] }, false],
  ["claude", { messages: [user("hi"), asked, user([result]), note] }, false],
  [
    "claude",
    {
      messages: [
        user("hi"),
        asked,
        user([result]),
        note,
        { role: "assistant", content: "a" },
        user("b"),
        note,
      ],
    },
    true,
  ],
  ["claude", { messages: [user("hi"), { role: "assistant", content: "prefilled" }] }, false],
  ["claude", { messages: [] }, false],
  ["openai", { input: "hi" }, true],
  ["openai", { input: [user("hi"), output] }, false],
  ["openai", { input: [user("hi"), output, developer] }, false],
  ["openai", { input: [user("hi"), output, user("next"), developer] }, true],
  ["chat", { messages: [user("hi"), toolMessage] }, false],
  ["chat", { messages: [user("hi"), toolMessage, note] }, false],
  ["chat", { messages: [user("hi"), note] }, true],
] as const;

const dialects = { claude: claudeDialect, openai: openaiDialect, chat: chatDialect };

for (const [name, body, opens] of cases) {
  test(`${name}: ${JSON.stringify(body).slice(0, 120)} ${opens ? "begins a turn" : "does not begin a turn"}`, () => {
    assert.equal(dialects[name].opensTurn?.(Buffer.from(JSON.stringify(body))), opens);
  });
}
