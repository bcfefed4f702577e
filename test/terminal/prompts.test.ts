import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { UserError } from "../../src/domain/errors.ts";
import { createPrompts, type PromptStreams } from "../../src/terminal/prompts.ts";

/** Streams that say they are terminals; what is drawn is collected. */
function terminal(isTTY = true) {
  const stdin = Object.assign(new PassThrough(), { isTTY, setRawMode: () => stdin });
  const drawn = { stdout: "", stderr: "" };
  const screen = (name: "stdout" | "stderr") => {
    const stream = Object.assign(new PassThrough(), { isTTY, columns: 80, rows: 24 });
    stream.on("data", (chunk: Buffer) => {
      drawn[name] += chunk.toString();
    });
    return stream;
  };
  const streams = { stdin, stdout: screen("stdout"), stderr: screen("stderr") } as unknown as PromptStreams;
  /** Types as soon as the question is drawn. */
  const type = async (keys: string) => {
    while (drawn.stderr === "") await new Promise((resolve) => setImmediate(resolve));
    stdin.write(keys);
  };
  return { prompts: createPrompts(streams), drawn, type };
}

describe("prompts", () => {
  it("ask on standard error and return the answer", async () => {
    const { prompts, drawn, type } = terminal();
    const answer = prompts.text({ message: "Which id?" });
    await type("claude-1\r");
    assert.equal(await answer, "claude-1");
    assert.match(drawn.stderr, /Which id\?/);
    assert.equal(drawn.stdout, "");
  });

  it("do not show a secret while it is typed", async () => {
    const { prompts, drawn, type } = terminal();
    const answer = prompts.secret({ message: "API key" });
    await type("sk-ant-secret\r");
    assert.equal(await answer, "sk-ant-secret");
    assert.doesNotMatch(drawn.stderr, /secret/);
  });

  it("end with exit code 2 when they are cancelled", async () => {
    const { prompts, type } = terminal();
    const answer = prompts.confirm({ message: "Sure?" });
    await type("\u0003");
    await assert.rejects(answer, (error) => error instanceof UserError && error.exitCode === 2);
  });

  it("can be taken back while nobody answers, and stay as they are once somebody has", async () => {
    const { prompts, drawn, type } = terminal();
    const taken = new AbortController();
    const waiting = prompts.text({ message: "Code", signal: taken.signal });
    while (drawn.stderr === "") await new Promise((resolve) => setImmediate(resolve));
    taken.abort();
    await assert.rejects(waiting, (error) => error instanceof UserError && error.exitCode === 2);

    const late = new AbortController();
    const answered = prompts.text({ message: "Code", signal: late.signal });
    await type("abc\r");
    assert.equal(await answered, "abc");
    const shown = drawn.stderr;
    late.abort();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(drawn.stderr, shown);
    await assert.rejects(prompts.text({ message: "Code", signal: late.signal }), UserError);
  });

  it("are refused without a terminal", async () => {
    const { prompts, drawn } = terminal(false);
    assert.equal(prompts.available, false);
    await assert.rejects(prompts.confirm({ message: "Sure?" }), UserError);
    assert.equal(drawn.stderr, "");
  });
});
