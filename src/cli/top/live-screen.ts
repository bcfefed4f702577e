// Runs the screen of `top`: follows the relay, draws at most four times a second, and sleeps while nothing changes.

import type { RequestDetailDocument, RequestDocument, StatusDocument } from "../../documents/types.ts";
import { UserError } from "../../domain/errors.ts";
import type { FullScreen, FullScreenEvents } from "../../terminal/full-screen.ts";
import { fixTextHere, type Invocation } from "../invocation.ts";
import { drawTop, type PictureStyle } from "./screens.ts";
import { createState, press, type TopState, takeStatus, type Wish } from "./state.ts";

export interface LiveScreenOptions {
  /** Where the relay is now; asked again when the connection is lost. */
  findOrigin(): Promise<string>;
  follow(origin: string, signal: AbortSignal, onStatus: (status: StatusDocument) => void): Promise<void>;
  openScreen(events: FullScreenEvents): FullScreen;
  look: PictureStyle;
  now: () => number;
  readAccount(id: string): Promise<readonly RequestDocument[]>;
  readRequest(id: string): Promise<RequestDetailDocument | undefined>;
  /** Returns what the command has said. Throws UserError. */
  changeAccount(kind: "enable" | "disable", id: string): Promise<string>;
  /** For the commands that a message names. */
  invocation: Invocation;
  frameMs?: number;
  /** Before a lost relay is looked for again. */
  retryMs?: number;
}

/** Resolves with the exit code. */
export async function runLiveScreen(options: LiveScreenOptions): Promise<number> {
  const { findOrigin, openScreen, look, now, frameMs = 250, retryMs = 1000 } = options;
  let state: TopState = createState(await findOrigin());
  const { promise: ended, resolve: end, reject } = Promise.withResolvers<number>();
  const stopped = new AbortController();
  let frame: NodeJS.Timeout | undefined;
  let drawnAt = Number.NEGATIVE_INFINITY;

  const screen = openScreen({
    onKey(key) {
      const next = press(state, key);
      change(next.state);
      if (next.wish) grant(next.wish);
    },
    onChange: () => change({}),
    onEnd: end,
  });

  function draw(): void {
    clearTimeout(frame);
    frame = undefined;
    const time = now();
    drawnAt = performance.now();
    screen.draw(drawTop(state, screen, { ...look, now: time }));
    const waitMs = untilChange(state, time);
    frame = setTimeout(draw, Math.max(frameMs, waitMs));
  }

  /** Draws at once, or when the time of the last frame is over: what comes within it is drawn together. */
  function change(some: Partial<TopState>): void {
    state = { ...state, ...some };
    const waitMs = frameMs - (performance.now() - drawnAt);
    if (waitMs <= 0) return draw();
    clearTimeout(frame);
    frame = setTimeout(draw, waitMs);
  }

  function grant(wish: Wish): void {
    if (wish.kind === "quit") return end(0);
    work(wish).catch((error: unknown) => {
      if (!(error instanceof UserError)) return reject(error);
      change({
        message: `${error.message}${error.fix === undefined ? "" : ` (${fixTextHere(error.fix, options.invocation)})`}`,
      });
    });
  }

  async function work(wish: Exclude<Wish, { kind: "quit" }>): Promise<void> {
    switch (wish.kind) {
      case "read-account": {
        const history = await options.readAccount(wish.account);
        if (state.account === wish.account) change({ history });
        return;
      }
      case "read-request": {
        const request = await options.readRequest(wish.id);
        if (request !== undefined && state.request?.id === wish.id) change({ request });
        return;
      }
      default:
        change({ message: await options.changeAccount(wish.kind, wish.account) });
    }
  }

  function onStatus(status: StatusDocument): void {
    const next = takeStatus(state, status);
    change(next.state);
    if (next.wish) grant(next.wish);
  }

  async function followOn(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        // One that was started again may have another port.
        if (state.lost !== undefined) state = { ...state, origin: await findOrigin() };
        await options.follow(state.origin, stopped.signal, onStatus);
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (!(error instanceof UserError)) throw error;
        // What is wrong from the beginning will not come right by waiting.
        if (state.status === undefined) throw error;
      }
      if (stopped.signal.aborted) return;
      change({ lost: "the relay does not answer" });
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }

  draw();
  followOn().catch(reject);
  try {
    return await ended;
  } finally {
    stopped.abort();
    clearTimeout(frame);
    screen.close();
  }
}

const second = 1000;
const minute = 60_000;

/** How long the picture stays as it is while no news come: figures of time that count by the second, or by the minute. */
export function untilChange({ status, lost }: TopState, now: number): number {
  if (status === undefined || lost !== undefined) return minute;
  if (status.running.length > 0) return second;
  const moments = status.accounts.flatMap(({ until }) => (until === null ? [] : Date.parse(until) - now));
  // Below ten minutes the seconds are shown.
  if (moments.some((ms) => ms > 0 && ms < 10 * minute)) return second;
  return minute;
}
