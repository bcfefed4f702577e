// Time of the processor that this thread has used: what other programs take of a busy machine does not count.

/** @returns milliseconds of processor time since some moment; only differences mean anything. */
export function threadTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * The longest time in ms that the loop was at work without a turn for anybody else, and what came of the work (also what it
 * threw).
 */
export async function silenceDuring(
  work: () => Promise<unknown>,
): Promise<{ result: unknown; silenceMs: number }> {
  let silenceMs = 0;
  let last = threadTime();
  const turn = () => {
    const now = threadTime();
    silenceMs = Math.max(silenceMs, now - last);
    last = now;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  const result = await work().catch((error: unknown) => error);
  silenceMs = Math.max(silenceMs, threadTime() - last);
  clearImmediate(next);
  return { result, silenceMs: Math.round(silenceMs) };
}
