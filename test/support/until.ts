// Waiting in tests for what comes by itself, without a guess at how long it takes.

import { setTimeout as sleep } from "node:timers/promises";

/**
 * Asks again until there is an answer other than undefined and false. Rejects when it takes too long, naming what was waited
 * for. The usual limit is there to end a test that hangs: on a busy machine everything takes long.
 */
export async function until<T>(
  what: string,
  read: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await sleep(5);
  }
}

/** What the network brings comes between two turns of the loop, whatever the timers say. */
export async function turns(): Promise<void> {
  for (let count = 0; count < 50; count++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for the network alone, where a test has the timers. */
export async function soon(isTrue: () => boolean): Promise<void> {
  for (let count = 0; count < 20_000 && !isTrue(); count++) await turns();
  if (!isTrue()) throw new Error("it does not come");
}
