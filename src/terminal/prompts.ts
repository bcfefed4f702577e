// Asks the person at the terminal. Every question has a flag that answers it, so that scripts are never asked.

import type { Readable, Writable } from "node:stream";
import { UserError } from "../domain/errors.ts";

export interface Prompts {
  /** Whether somebody can answer: standard input and standard output are both terminals. */
  readonly available: boolean;
  confirm(question: { message: string; initial?: boolean }): Promise<boolean>;
  /** What is typed is not shown. */
  secret(question: { message: string; validate?: Validate }): Promise<string>;
  text(question: {
    message: string;
    placeholder?: string;
    initial?: string;
    validate?: Validate;
    /** Takes the question back: it rejects as if it had been cancelled. */
    signal?: AbortSignal;
  }): Promise<string>;
  select<Value extends string>(question: { message: string; options: Choice<Value>[] }): Promise<Value>;
}

/** What is wrong with the answer; undefined when nothing is. */
export type Validate = (answer: string) => string | undefined;

export interface Choice<Value extends string> {
  value: Value;
  label: string;
  hint?: string;
}

/** Read only when a question comes up: opening standard input costs time and can keep a process alive. */
export interface PromptStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

export function createPrompts(streams: PromptStreams): Prompts {
  const isAvailable = () => streams.stdin.isTTY === true && streams.stdout.isTTY === true;

  /** Loads the library only when a question is really asked. */
  async function ask<Answer>(
    draw: (
      clack: typeof import("@clack/prompts"),
      ends: { input: Readable; output: Writable },
    ) => Promise<Answer | symbol>,
  ): Promise<Answer> {
    if (!isAvailable()) {
      throw new UserError("a question cannot be asked here: there is no terminal", {
        fix: "answer it beforehand with a flag, which --help names",
        exitCode: 2,
      });
    }
    const clack = await import("@clack/prompts");
    // Standard output is for results, but a question that goes into a log file is never seen.
    const output = streams.stderr.isTTY ? streams.stderr : streams.stdout;
    const answer = await draw(clack, { input: streams.stdin, output });
    if (clack.isCancel(answer)) throw new UserError("cancelled", { exitCode: 2 });
    return answer as Answer;
  }

  return {
    get available() {
      return isAvailable();
    },
    confirm: ({ message, initial = false }) =>
      ask<boolean>((clack, ends) => clack.confirm({ ...ends, message, initialValue: initial })),
    secret: ({ message, validate }) =>
      ask<string>((clack, ends) => clack.password({ ...ends, message, validate: check(validate) })),
    text: ({ message, placeholder, initial, validate, signal }) =>
      ask<string>((clack, ends) =>
        withdrawable(signal, (inner) =>
          clack.text({
            ...ends,
            message,
            placeholder,
            initialValue: initial,
            validate: check(validate),
            signal: inner,
          }),
        ),
      ),
    select: <Value extends string>({ message, options }: { message: string; options: Choice<Value>[] }) =>
      ask<Value>(
        (clack, ends) => clack.select<string>({ ...ends, message, options }) as Promise<Value | symbol>,
      ),
  };
}

/** A question of clack that has been answered listens on: the signal's end would draw it once more. */
async function withdrawable<Answer>(
  signal: AbortSignal | undefined,
  ask: (inner: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const controller = new AbortController();
  const withdraw = () => controller.abort();
  signal?.addEventListener("abort", withdraw, { once: true });
  try {
    if (signal?.aborted) withdraw();
    return await ask(controller.signal);
  } finally {
    signal?.removeEventListener("abort", withdraw);
  }
}

function check(validate: Validate | undefined): (answer: string | undefined) => string | undefined {
  return (answer) => validate?.(answer ?? "");
}
