// What one request has of the memory that all bodies share.

export interface MemoryShare {
  readonly bytes: number;
  /** What all requests together may take. */
  readonly maxBytes: number;
  /** What all requests together have. */
  readonly usedBytes: number;
  /**
   * Takes so many bytes more. Undefined: they were there. Else the promise resolves once others have given back enough; it rejects with MemoryExhausted when that takes too long, and with the signal's reason.
   * Throws MemoryExhausted with `isTooLarge` for what would not fit even if nobody else had any, and without it where nothing may be waited for.
   */
  grow(bytes: number, mayWait?: boolean): Promise<void> | undefined;
  /**
   * As `grow`, and takes in the same moment what `ahead` says will be needed after it, as far as all together have so much: `grow` takes of
   * that first. Requests that each had a part of what they need would wait for one another.
   */
  begin(bytes: number, ahead: number): Promise<void> | undefined;
  /** What of that is not needed yet. */
  readonly aheadBytes: number;
  /** Gives back what was taken ahead and not needed. */
  endAhead(): void;
  /**
   * For taking more and more without knowing how much it will be: one share at a time, in the order in which they come. Undefined: it may at
   * once. Rejects as `grow` does.
   */
  takeTurn(): Promise<void> | undefined;
  endTurn(): void;
  /** Takes so many bytes more at once, even above the limit: they are there already, and too few to wait for. */
  count(bytes: number): void;
  shrink(bytes: number): void;
  /** Gives everything back. May be called again. */
  release(): void;
}

export class MemoryExhausted extends Error {
  override name = "MemoryExhausted";
  readonly isTooLarge: boolean;
  readonly maxBytes: number;

  constructor({ isTooLarge, maxBytes }: { isTooLarge: boolean; maxBytes: number }) {
    super("no memory is left for request bodies");
    this.isTooLarge = isTooLarge;
    this.maxBytes = maxBytes;
  }
}

/** What the shares of one budget have in common. */
export interface Ledger {
  readonly maxBytes: number;
  readonly usedBytes: number;
  findRoom(wanted: Wanted): boolean;
  wait(wanted: Wanted, signal: AbortSignal, enter: () => void): Promise<void>;
  took(bytes: number): void;
  gave(bytes: number): void;
  /** The share has nothing any more. */
  emptied(share: MemoryShare): void;
  tookTurn(share: MemoryShare): void;
  endedTurn(share: MemoryShare): void;
}

/** A class, for every request has two. */
export class Share implements MemoryShare {
  readonly #ledger: Ledger;
  readonly #signal: AbortSignal;
  readonly #isGrowing: boolean;
  #own = 0;
  /** Of them, what nothing is in yet; see `begin`. */
  #ahead = 0;
  #isReleased = false;

  constructor(ledger: Ledger, signal: AbortSignal, isGrowing: boolean) {
    this.#ledger = ledger;
    this.#signal = signal;
    this.#isGrowing = isGrowing;
  }

  get bytes(): number {
    return this.#own - this.#ahead;
  }

  get aheadBytes(): number {
    return this.#ahead;
  }

  get maxBytes(): number {
    return this.#ledger.maxBytes;
  }

  get usedBytes(): number {
    return this.#ledger.usedBytes;
  }

  grow(bytes: number, mayWait = true): Promise<void> | undefined {
    this.#signal.throwIfAborted();
    const { maxBytes } = this.#ledger;
    if (this.bytes + bytes > maxBytes) throw new MemoryExhausted({ isTooLarge: true, maxBytes });
    const more = Math.max(0, bytes - this.#ahead);
    const wanted = { share: this, bytes: more, isGrowing: this.#isGrowing };
    const take = () => {
      this.#ahead = Math.max(0, this.#ahead - bytes);
      this.#take(more);
    };
    if (more === 0 || this.#ledger.findRoom(wanted)) return void take();
    if (!mayWait) throw new MemoryExhausted({ isTooLarge: false, maxBytes });
    return this.#ledger.wait(wanted, this.#signal, take);
  }

  begin(bytes: number, ahead: number): Promise<void> | undefined {
    const fitting = Math.max(0, Math.min(ahead, this.#ledger.maxBytes - this.bytes - bytes));
    const keepAhead = () => {
      if (!this.#isReleased) this.#ahead = fitting;
    };
    const turn = this.grow(bytes + fitting);
    if (turn) return turn.then(keepAhead);
    keepAhead();
    return undefined;
  }

  endAhead(): void {
    const ahead = this.#ahead;
    this.#ahead = 0;
    this.#give(ahead);
  }

  takeTurn(): Promise<void> | undefined {
    this.#signal.throwIfAborted();
    const wanted = { share: this, bytes: 0, isGrowing: false, forTurn: true };
    const take = () => {
      if (!this.#isReleased) this.#ledger.tookTurn(this);
    };
    if (this.#ledger.findRoom(wanted)) return void take();
    return this.#ledger.wait(wanted, this.#signal, take);
  }

  endTurn(): void {
    this.#ledger.endedTurn(this);
  }

  count(bytes: number): void {
    this.#take(bytes);
  }

  shrink(bytes: number): void {
    // After a release there is nothing left to give.
    this.#give(Math.min(bytes, this.bytes));
  }

  release(): void {
    this.#isReleased = true;
    this.#ahead = 0;
    this.#give(this.#own);
    this.endTurn();
  }

  #take(bytes: number): void {
    // Released while it waited: the waiting request is gone.
    if (this.#isReleased) return this.#give(0);
    this.#own += bytes;
    this.#ledger.took(bytes);
  }

  #give(bytes: number): void {
    this.#own -= bytes;
    if (this.#own === 0) this.#ledger.emptied(this);
    if (bytes > 0) this.#ledger.gave(bytes);
  }
}

export interface Wanted {
  share: MemoryShare;
  bytes: number;
  isGrowing: boolean;
  /** No bytes, but the turn. */
  forTurn?: boolean;
}
