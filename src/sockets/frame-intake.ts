// Bounds what of a client's frames has come and is not being answered yet: in the memory that all bodies share, and a frame that is not at
// its end in time as well.

import { type ArrivalWatch, type BodyStall, watchArrival } from "../relay/body-stall.ts";
import type { MemoryBudget } from "../relay/memory-budget.ts";
import { MemoryExhausted, type MemoryShare } from "../relay/memory-share.ts";
import type { Timers } from "../time/timers.ts";
import type { ClientSocket } from "./socket-sink.ts";

export interface IntakeOptions {
  memory: MemoryBudget;
  stall: BodyStall;
  timers: Timers;
  /** Nothing more is read. */
  onRefused(why: Refusal): void;
}

/** `memory`: what has come needs more than is to be had; `large`: more than there is. `slow`: a frame did not come to its end. */
export type Refusal = "memory" | "large" | "slow";

/** What `ws` 8 keeps of a message whose end has not come: pieces of a frame, and whole fragments. */
interface Receiver {
  _bufferedBytes?: number;
  _messageLength?: number;
}

export class FrameIntake {
  readonly #client: ClientSocket;
  readonly #options: IntakeOptions;
  readonly #receiver: Receiver;
  #unfinishedBytes = 0;
  #waitingBytes = 0;
  /** There while something is held. */
  #share: MemoryShare | undefined;
  #left: AbortController | undefined;
  /** There while a frame is not at its end. */
  #arrival: ArrivalWatch | undefined;
  #isWaiting = false;

  /** To be made when the socket itself listens to its connection already. */
  constructor(client: ClientSocket, options: IntakeOptions) {
    this.#client = client;
    this.#options = options;
    this.#receiver = (client.socket as unknown as { _receiver: Receiver })._receiver;
    client.connection.on("data", this.#look);
  }

  /** Of requests that wait for the answer of the one before. */
  setWaiting(bytes: number): void {
    this.#waitingBytes = bytes;
    this.#hold();
  }

  /** Gives everything back; nothing is watched any more. */
  end(): void {
    this.#client.connection.off("data", this.#look);
    this.#unfinishedBytes = 0;
    this.#waitingBytes = 0;
    this.#release();
  }

  /** The socket has read the piece already. */
  readonly #look = ({ length }: Buffer): void => {
    const { _bufferedBytes: pieces = 0, _messageLength: fragments = 0 } = this.#receiver;
    this.#unfinishedBytes = pieces + fragments;
    this.#arrival?.arrived(length);
    this.#hold();
  };

  #hold(): void {
    const bytes = this.#unfinishedBytes + this.#waitingBytes;
    if (this.#unfinishedBytes === 0) this.#stopWatching();
    else this.#arrival ??= this.#watch();
    if (bytes === 0) return this.#share && this.#release();
    this.#left ??= new AbortController();
    this.#share ??= this.#options.memory.open(this.#left.signal);
    const more = bytes - this.#share.bytes;
    if (more < 0) this.#share.shrink(-more);
    else if (more > 0 && !this.#isWaiting) this.#grow(this.#share, more);
  }

  #grow(share: MemoryShare, bytes: number): void {
    try {
      const turn = share.grow(bytes);
      if (turn === undefined) return;
      this.#isWaiting = true;
      this.#client.socket.pause();
      turn.then(
        () => {
          this.#isWaiting = false;
          this.#client.socket.resume();
          this.#hold();
        },
        () => {
          if (this.#share === share) this.#refuse("memory");
        },
      );
    } catch (error) {
      this.#refuse(error instanceof MemoryExhausted && error.isTooLarge ? "large" : "memory");
    }
  }

  #watch(): ArrivalWatch {
    const { stall, timers } = this.#options;
    return watchArrival({
      ...stall,
      timers,
      isWaiting: () => this.#isWaiting,
      onSlow: () => this.#refuse("slow"),
    });
  }

  #stopWatching(): void {
    this.#arrival?.stop();
    this.#arrival = undefined;
  }

  #refuse(why: Refusal): void {
    this.end();
    this.#options.onRefused(why);
    this.#client.socket.pause();
  }

  #release(): void {
    this.#stopWatching();
    if (this.#isWaiting) this.#client.socket.resume();
    this.#isWaiting = false;
    this.#share?.release();
    this.#share = undefined;
    // A turn that is still waited for is not needed any more.
    this.#left?.abort(new Error("nothing is held any more"));
    this.#left = undefined;
  }
}
