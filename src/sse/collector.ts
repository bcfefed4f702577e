// Collects the bytes of one event or document that may be spread over many chunks, and copies only where they are.

export interface Collector {
  /** The next bytes. False when there are more of them than the bound; then all are forgotten. */
  add(chunk: Buffer, start: number, end: number): boolean;
  /** Copies what is still inside the chunk. Call it before the chunk may be used for something else. */
  keep(): void;
  /** What it has memory of its own for. */
  readonly heldBytes: number;
  /** What was collected; begins anew. Valid as long as the chunk it came from. */
  take(): Buffer;
}

export function createCollector(maxBytes: number): Collector {
  /** The latest bytes, still inside the chunk they came in: most events never need a copy. */
  let piece: Buffer = nothing;
  /** The bytes of earlier chunks; the first `copied` of them count. */
  let copy: Buffer = nothing;
  let copied = 0;

  return {
    add,
    keep,
    take,
    get heldBytes() {
      return copy.length;
    },
  };

  function add(chunk: Buffer, start: number, end: number): boolean {
    if (start === end) return true;
    if (copied + piece.length + end - start > maxBytes) {
      take();
      return false;
    }
    keep();
    piece = chunk.subarray(start, end);
    if (copied > 0) keep();
    return true;
  }

  function keep(): void {
    if (piece.length === 0) return;
    const size = copied + piece.length;
    if (copy.length < size) grow(size);
    piece.copy(copy, copied);
    copied = size;
    piece = nothing;
  }

  /** Doubling keeps the copying linear, however small the pieces are. */
  function grow(size: number): void {
    const length = Math.min(Math.max(size, copy.length * 2, 512), Math.max(maxBytes, size));
    const { buffer } = copy;
    if (buffer instanceof ArrayBuffer && buffer.resizable) {
      buffer.resize(length);
      copy = Buffer.from(buffer, 0, length);
      return;
    }
    const larger = length < minGrowingBytes ? Buffer.allocUnsafe(length) : growingBuffer(length, maxBytes);
    copy.copy(larger, 0, 0, copied);
    copy = larger;
  }

  function take(): Buffer {
    const bytes = copied > 0 ? copy.subarray(0, copied) : piece;
    piece = copy = nothing;
    copied = 0;
    return bytes;
  }
}

/** It grows in its place: to copy 16 MB at once, into pages that nobody has touched yet, would hold everybody up. */
function growingBuffer(length: number, maxBytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(length, { maxByteLength: Math.max(length, maxBytes) }), 0, length);
}

const minGrowingBytes = 1024 * 1024;
const nothing = Buffer.alloc(0);
