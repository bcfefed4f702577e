// Bytes that are collected until they are whole, up to a stated bound.

export interface GrowingBuffer {
  readonly length: number;
  append(bytes: Buffer): void;
  /** All that was collected; begins anew. */
  take(): Buffer;
}

/** `overflow` makes the error that is thrown instead of growing beyond `most` bytes. */
export function createGrowingBuffer(most: number, overflow: () => Error): GrowingBuffer {
  let room = Buffer.alloc(0);
  let used = 0;
  return {
    get length() {
      return used;
    },
    append(bytes) {
      const needed = used + bytes.length;
      if (needed > most) throw overflow();
      if (needed > room.length) {
        // Doubling keeps the copying linear, however small the pieces are.
        const larger = Buffer.allocUnsafe(Math.max(needed, 2 * room.length, 256));
        room.copy(larger, 0, 0, used);
        room = larger;
      }
      bytes.copy(room, used);
      used = needed;
    },
    take() {
      const taken = room.subarray(0, used);
      room = Buffer.alloc(0);
      used = 0;
      return taken;
    },
  };
}
