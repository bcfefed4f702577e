// What the demo's own clients send: a handful of conversations over every API that the relay speaks, each turn a little longer.

import type { JsonObject } from "../json/json-values.ts";

export interface DemoTurn {
  /** Under this name its usage is counted. */
  client: string;
  path: string;
  session: string;
  body: JsonObject;
  /** The client reads the beginning of the answer and leaves, as people do who press Esc. */
  leavesEarly: boolean;
}

/** How many turns a conversation has before the next one begins. */
const turnsPerSession = 6;
const turnsUntilOneLeaves = 17;

type Writer = (turn: number) => Pick<DemoTurn, "client" | "path" | "body">;

/** In this order, again and again. */
const writers: readonly Writer[] = [
  (turn) => claudeTurn(turn, "claude-sonnet-5-5"),
  codexTurn,
  (turn) => geminiTurn(turn, "gemini-2.5-flash"),
  (turn) => claudeTurn(turn, "claude-sonnet-5-5"),
  (turn) => chatTurn(turn, "claude-opus-5-5"),
  titleTurn,
  codexTurn,
  (turn) => chatTurn(turn, "gpt-6.1-sol"),
  (turn) => geminiTurn(turn, "gemini-2.5-pro"),
];

/** The names of the clients that `writeTurn` speaks for. */
export const demoClients: readonly string[] = ["demo-mac", "demo-linux", "demo-ide", "demo-ci"];

/** @param number counts the requests from 0. */
export function writeTurn(number: number): DemoTurn {
  const round = Math.floor(number / writers.length);
  const turn = (round % turnsPerSession) + 1;
  const written = writers[number % writers.length]!(turn);
  return {
    ...written,
    session: `${written.client}-${Math.floor(round / turnsPerSession) + 1}`,
    leavesEarly: number % turnsUntilOneLeaves === turnsUntilOneLeaves - 1,
  };
}

const questions = [
  "Explain at length how a session keeps its prompt cache.",
  "And when an account is at its limit?",
  "Describe at length what a client sees of a failover.",
  "Which of the accounts was it?",
  "Write at length about windows and when they reset.",
  "Thanks. Sum it up.",
];

/** As long as the instructions of an agent are: a prompt cache is worth something. */
const instructions =
  "These are the made-up instructions of the demo's own clients. They say nothing, and say it often. ".repeat(
    120,
  );

function history(turn: number): { role: "user" | "assistant"; text: string }[] {
  return questions
    .slice(0, turn)
    .flatMap((text, index) => [
      ...(index === 0
        ? []
        : [{ role: "assistant" as const, text: `An earlier simulated answer, number ${index}.` }]),
      { role: "user" as const, text },
    ]);
}

function claudeTurn(turn: number, model: string): ReturnType<Writer> {
  const messages = history(turn).map(({ role, text }) => ({ role, content: text }));
  const system = [{ type: "text", text: instructions, cache_control: { type: "ephemeral" } }];
  return {
    client: "demo-mac",
    path: "/v1/messages",
    body: { model, max_tokens: 4096, stream: true, system, messages },
  };
}

/** The small request in between with which agents name a conversation. */
function titleTurn(turn: number): ReturnType<Writer> {
  const content = `A title for: ${questions[turn - 1] ?? ""}`;
  return {
    client: "demo-mac",
    path: "/v1/messages",
    body: { model: "claude-haiku-5-5", max_tokens: 50, messages: [{ role: "user", content }] },
  };
}

function codexTurn(turn: number): ReturnType<Writer> {
  const input = history(turn).map(({ role, text }) => ({ role, content: text }));
  return {
    client: "demo-linux",
    path: "/openai/v1/responses",
    body: {
      model: "gpt-5.3-codex",
      stream: true,
      store: false,
      reasoning: { effort: "low" },
      instructions,
      input,
    },
  };
}

function chatTurn(turn: number, model: string): ReturnType<Writer> {
  const messages = history(turn).map(({ role, text }) => ({ role, content: text }));
  return {
    client: "demo-ide",
    path: "/v1/chat/completions",
    body: {
      ...{ model, max_tokens: 4096, stream: true, stream_options: { include_usage: true } },
      messages: [{ role: "system", content: instructions }, ...messages],
    },
  };
}

function geminiTurn(turn: number, model: string): ReturnType<Writer> {
  const contents = history(turn).map(({ role, text }) => ({
    role: role === "user" ? "user" : "model",
    parts: [{ text }],
  }));
  return {
    client: "demo-ci",
    path: `/gemini/v1beta/models/${model}:streamGenerateContent?alt=sse`,
    body: { systemInstruction: { parts: [{ text: instructions }] }, contents },
  };
}
