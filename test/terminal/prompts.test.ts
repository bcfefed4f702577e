import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { describe, it } from "node:test";
import { UserError } from "../../src/errors.ts";
import { readPiped } from "../../src/terminal/input.ts";
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

  it("are refused without a terminal", async () => {
    const { prompts, drawn } = terminal(false);
    assert.equal(prompts.available, false);
    await assert.rejects(prompts.confirm({ message: "Sure?" }), UserError);
    assert.equal(drawn.stderr, "");
  });
});

describe("readPiped", () => {
  it("joins the pieces and drops the white space and the mark around them", async () => {
    assert.equal(
      await readPiped(Readable.from([Buffer.from("\uFEFF sk-"), Buffer.from("ant\r\n")])),
      "sk-ant",
    );
  });

  it("does not take a character apart that arrives in two pieces", async () => {
    const bytes = Buffer.from("ü");
    assert.equal(await readPiped(Readable.from([bytes.subarray(0, 1), bytes.subarray(1)])), "ü");
  });

  it("stops at its bound", async () => {
    async function* endless() {
      for (;;) yield Buffer.alloc(4096, "x");
    }
    await assert.rejects(readPiped(endless()), UserError);
  });
});
