// The scripted model's mind, the same for every API. A prompt that says "Script:" is a plan: each `[[command]]` in it is run with the
// client's shell tool, each `{{task}}` given to a sub-agent, one after the other; then the model says what it saw of them.

import type { ContentPiece } from "../../src/demo/provider/generation.ts";
import type { Behaviour, RecordedRequest } from "../support/behaviour.ts";

/** A conversation as far as a plan needs it. */
export type Turn = { kind: "prompt" | "result"; text: string };

export type Step = { kind: "command"; command: string } | { kind: "agent"; task: string };

/** No client says this by itself. */
const marker = "Script:";

/** Commands whose output is in no request before they have run, and that no client takes for dangerous. */
export const commands = {
  one: "printf marker-%d 0x17",
  two: "printf marker-%d 0x2d",
} as const;

/** What the model says when it has run `commands.one`, and both. */
export const greeting = "Hello from the script: Grüße, 你好 👋";
export const sawOne = "I saw marker-23.";
export const sawBoth = "I saw marker-23, marker-45.";

/** The next step of the current plan, or what the model says at its end. */
export function think(turns: readonly Turn[]): Step | string {
  const at = turns.findLastIndex(({ kind, text }) => kind === "prompt" && text.includes(marker));
  const plan = at < 0 ? [] : readPlan(turns[at]?.text ?? "");
  const results = turns.slice(at + 1).filter(({ kind }) => kind === "result");
  const next = plan[results.length];
  if (next) return next;
  if (plan.length === 0) return greeting;
  const seen = results.map(
    ({ text }) => /marker-\d+/.exec(text)?.[0] ?? `nothing in ${JSON.stringify(text)}`,
  );
  return `I saw ${seen.join(", ")}.`;
}

function readPlan(prompt: string): Step[] {
  const task = prompt.slice(prompt.indexOf(marker));
  // A sub-agent's own task is in braces, so it is taken whole before its commands are seen.
  return [...task.matchAll(/\{\{(.+?)\}\}|\[\[(.+?)\]\]/gs)].map(
    ([, inner, command]): Step =>
      inner === undefined ? { kind: "command", command: command ?? "" } : { kind: "agent", task: inner },
  );
}

/** How one API asks for a step; the number makes ids of calls unlike each other. */
export function say(
  thought: Step | string,
  request: RecordedRequest,
  call: (step: Step) => { name: string; input: unknown },
): Behaviour {
  if (typeof thought === "string") return { content: thought, events: 5 };
  const piece: ContentPiece = { kind: "tool", id: `call_${request.index}_script`, ...call(thought) };
  return { content: [{ kind: "text", text: "Let me look." }, piece] };
}

export type Model = (request: RecordedRequest) => Behaviour;

/** What goes wrong with a request; undefined: nothing. The number counts requests from 1. */
export type Fault = (request: RecordedRequest, number: number) => Behaviour | undefined;

export function withFaults(model: Model, fault: Fault): Model {
  let number = 0;
  return (request) => fault(request, ++number) ?? model(request);
}

/** Every request of one credential fails, from the n-th request on. */
export function failingKey(credential: string, behaviour: Behaviour, from = 1): Fault {
  return (request, number) => (request.credential === credential && number >= from ? behaviour : undefined);
}
