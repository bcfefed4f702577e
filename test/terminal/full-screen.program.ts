// The whole terminal as one picture: only lines that have changed are written, and all of them after a new size or a stop.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { openFullScreen, type TerminalProcess } from "../../src/terminal/full-screen.ts";

function fakeProcess() {
  let written = "";
  const stdout = Object.assign(new EventEmitter(), {
    columns: 20,
    rows: 4,
    write(text: string) {
      written += text;
    },
  });
  const stdin = Object.assign(new EventEmitter(), {
    setRawMode: () => {},
    resume: () => {},
    pause: () => {},
  });
  const kill = () => {};
  const process = Object.assign(new EventEmitter(), {
    ...{ stdin, stdout, kill, pid: 1, platform: "linux" as const },
  }) satisfies TerminalProcess;
  return {
    process,
    /** What was written since the last call. */
    take() {
      const text = written;
      written = "";
      return text;
    },
  };
}

const line = (row: number, text: string) => `\u001b[${row};1H\u001b[2K${text}\u001b[0m`;
const ignore = { onKey: () => {}, onChange: () => {}, onEnd: () => {} };

test("only the lines that have changed are written, and nothing when none has", (t) => {
  const { process, take } = fakeProcess();
  const screen = openFullScreen(process, ignore);
  t.after(() => screen.close());
  take();
  screen.draw(["one", "two", "three"]);
  assert.equal(take(), line(1, "one") + line(2, "two") + line(3, "three"));
  screen.draw(["one", "TWO", "three"]);
  assert.equal(take(), line(2, "TWO"));
  screen.draw(["one", "TWO", "three"]);
  assert.equal(take(), "");
  screen.draw(["one"]);
  assert.equal(take(), line(2, "") + line(3, ""));
});

test("with a new size, or after a stop, everything is written again, and no line beyond the last row", (t) => {
  const { process, take } = fakeProcess();
  let changes = 0;
  const screen = openFullScreen(process, { ...ignore, onChange: () => void changes++ });
  t.after(() => screen.close());
  const lines = ["one", "two", "three", "four", "five"];
  screen.draw(lines);
  process.stdout.rows = 2;
  process.stdout.emit("resize");
  take();
  screen.draw(lines);
  assert.equal(take(), line(1, "one") + line(2, "two"));
  process.emit("SIGCONT");
  take();
  screen.draw(lines);
  assert.equal(take(), line(1, "one") + line(2, "two"));
  assert.equal(changes, 2);
});

test("the program that goes on can be stopped again at once, and gives the terminal back each time", (t) => {
  const { process, take } = fakeProcess();
  const screen = openFullScreen(process, ignore);
  t.after(() => screen.close());
  for (let time = 0; time < 2; time++) {
    take();
    process.emit("SIGTSTP");
    assert.match(take(), /\?25h.*\?1049l/, `stop ${time}`);
    process.emit("SIGCONT");
    assert.match(take(), /\?1049h.*\?25l/, `stop ${time}`);
  }
});

test("closed it leaves no listener behind, also when the program was just stopped", () => {
  const { process } = fakeProcess();
  const screen = openFullScreen(process, ignore);
  process.emit("SIGTSTP");
  screen.close();
  for (const emitter of [process, process.stdin, process.stdout]) assert.deepEqual(emitter.eventNames(), []);
});
