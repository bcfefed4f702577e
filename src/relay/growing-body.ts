// A body of unknown length in memory, that grows slice by slice.

import { freeBuffer } from "../domain/body-memory.ts";

export interface GrowingBody {
  /** What it takes of memory with so many bytes more. */
  takenWith(bytes: number): number;
  add(slice: Buffer): void;
  finish(): Buffer;
  /** Gives its memory back at once. */
  free(): void;
}

/** Up to here slices are kept as they come. */
const maxSlicesBytes = 256 * 1024;
const growthBytes = 1024 * 1024;

/** A large one grows in place: to join it at its end would take its memory twice, and hold everybody up. */
export function createGrowingBody(maxBytes: number): GrowingBody {
  const slices: Buffer[] = [];
  let length = 0;
  let pages: ArrayBuffer | undefined;

  function takenWith(bytes: number): number {
    const needed = length + bytes;
    if (needed <= maxSlicesBytes) return needed;
    return Math.min(Math.ceil(needed / growthBytes) * growthBytes, maxBytes);
  }

  function copyTo(memory: ArrayBuffer, slice: Buffer, at: number): void {
    slice.copy(new Uint8Array(memory, at, slice.length));
    freeBuffer(slice);
  }

  function moveToPages(size: number): ArrayBuffer {
    const memory = new ArrayBuffer(size, { maxByteLength: maxBytes });
    let at = 0;
    for (const slice of slices.splice(0)) {
      const next = at + slice.length;
      copyTo(memory, slice, at);
      at = next;
    }
    return memory;
  }

  return {
    takenWith,
    add(slice) {
      const size = takenWith(slice.length);
      const next = length + slice.length;
      if (size <= maxSlicesBytes) slices.push(slice);
      else {
        pages ??= moveToPages(size);
        if (pages.byteLength < size) pages.resize(size);
        copyTo(pages, slice, length);
      }
      length = next;
    },
    finish() {
      if (!pages) return Buffer.concat(slices, length);
      pages.resize(length);
      return Buffer.from(pages, 0, length);
    },
    free() {
      slices.length = 0;
      pages?.resize(0);
    },
  };
}
