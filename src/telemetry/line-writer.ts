// Writes log lines to a file descriptor, many at a time: one system call each would cost more than the request it is about.
// What a descriptor does not take (a full disk, a reader that is gone) is lost, and neither stops the program nor its end:
// pino's own destination ends the process at the first error, and then tries for ever to write what is left.

import { write, writeSync } from "node:fs";

export interface LineWriter {
  write(lines: string): void;
}

/** Lines leave together this often, or as soon as there are this many characters; after a quiet time, with the others of their turn. */
const intervalMs = 100;
const fullBatch = 60_000;
/** So much may wait for a reader that does not read; above it lines are dropped. */
const maxWaiting = 4 * 1024 * 1024;
/** How long the end of the process waits for such a reader, and how often it looks. */
const waitTimeoutMs = 1000;
const lookMs = 10;
/** How long the end of the process waits for a batch on its way, so that its lines come before those that are left. */
const onItsWayMs = 20;

/** What is left is written when the process exits. */
export function createLineWriter(fd: number): LineWriter {
  let lines = "";
  /** Of a batch that was not taken whole: goes first. */
  let rest: Buffer = nothing;
  let isWriting = false;
  /** Until the next batch may leave. */
  let timer: NodeJS.Timeout | undefined;
  let turn: NodeJS.Immediate | undefined;

  function take(): Buffer {
    const bytes = Buffer.concat([rest, Buffer.from(lines)]);
    lines = "";
    rest = nothing;
    return bytes;
  }

  function flush(): void {
    clearImmediate(turn);
    clearTimeout(timer);
    turn = undefined;
    timer = undefined;
    flushLater();
    isWriting = true;
    const bytes = take();
    write(fd, bytes, (error, written) => {
      isWriting = false;
      rest = restOf(bytes, error, written);
      if (rest.length > 0) flushLater();
      // The interval was over before the batch was.
      else if (lines !== "" && timer === undefined) flush();
    });
  }

  function flushLater(): void {
    timer ??= setTimeout(intervalOver, intervalMs).unref();
  }

  function intervalOver(): void {
    timer = undefined;
    if (!isWriting && (rest.length > 0 || lines !== "")) flush();
  }

  process.on("exit", () => {
    if (isWriting) pause(onItsWayMs);
    const deadline = performance.now() + waitTimeoutMs;
    for (let left = take(); left.length > 0 && performance.now() < deadline; ) left = writeNow(fd, left);
  });

  return {
    write(more) {
      if (lines.length + rest.length > maxWaiting) return;
      lines += more;
      if (isWriting) return;
      if (lines.length >= fullBatch && rest.length === 0) flush();
      else if (timer === undefined) turn ??= setImmediate(flush);
    },
  };
}

const nothing = Buffer.alloc(0);

function writeNow(fd: number, bytes: Buffer): Buffer {
  try {
    return bytes.subarray(writeSync(fd, bytes));
  } catch (error) {
    pause(lookMs);
    return restOf(bytes, error, 0);
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A full pipe (EAGAIN) will be read; after any other error there is nothing to be tried again. */
function restOf(bytes: Buffer, error: unknown, written: number): Buffer {
  if (!error) return bytes.subarray(written);
  return (error as NodeJS.ErrnoException).code === "EAGAIN" ? bytes : nothing;
}
