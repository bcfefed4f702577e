// The memory of one request's large bodies, given back by hand. The garbage collector comes by after tens of megabytes only, and
// what lies about until then the process never gives back: thirty open streams with bodies of 4 MB would keep a hundred.

export interface BodyMemory {
  /** The body is given back along with the others, if it is large and has its memory to itself. */
  own(body: Buffer): void;
  /**
   * A connection begins to read the bodies. What is returned is called when it has taken everything; never, if it broke.
   * Undefined: there is nothing to give back.
   */
  send(): (() => void) | undefined;
  /** Nobody reads the bodies any more but connections that have not taken everything. A body is empty from then on. */
  free(): void;
}

/** Smaller ones are as well left to the garbage collector. */
const minBytes = 256 * 1024;

export function createBodyMemory(): BodyMemory {
  const owned = new Set<Buffer>();
  let sending = 0;
  let isUnwanted = false;

  function freeUnread(): void {
    // The kernel reads what is being written by its address: only a connection that is done does not need it any more.
    if (!isUnwanted || sending > 0) return;
    for (const body of owned) freeBuffer(body);
    owned.clear();
  }

  return {
    own(body) {
      if (body.length >= minBytes || isOfPages(body)) owned.add(body);
    },
    send() {
      if (owned.size === 0) return undefined;
      let isOver = false;
      sending++;
      return () => {
        if (isOver) return;
        isOver = true;
        sending--;
        freeUnread();
      };
    },
    free() {
      isUnwanted = true;
      freeUnread();
    },
  };
}

/** Such memory goes back to the system as soon as it is given back. */
function isOfPages({ buffer }: Buffer): boolean {
  return buffer instanceof ArrayBuffer && buffer.resizable;
}

/** Gives the memory back that the buffer has to itself. It has no bytes from then on. */
export function freeBuffer({ buffer, length }: Uint8Array): void {
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== length) return;
  if (buffer.resizable) buffer.resize(0);
  else buffer.transfer(0);
}
