// Decodes a stream that is an error and is to be rewritten, for providers that compress although they were asked not to.

import { decodeBody } from "../coding/decoded.ts";
import { isCoded } from "../coding/decoder.ts";
import { RelayError } from "../domain/errors.ts";
import type { AsyncTransform } from "../sse/transform.ts";

/** No error is larger. */
const maxBytes = 1024 * 1024;

export function decodingTransform(encoding: string | undefined, inner: AsyncTransform): AsyncTransform {
  if (!isCoded(encoding)) return inner;
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    get heldBytes() {
      return size + (inner.heldBytes ?? 0);
    },
    headers: inner.headers,
    push(chunk) {
      size += chunk.length;
      if (size > maxBytes) throw unreadable(new Error("it is larger than 1 MB"));
      chunks.push(chunk);
      return Buffer.alloc(0);
    },
    async end() {
      const decoded = await decodeBody(Buffer.concat(chunks), encoding, maxBytes).catch((cause) => {
        throw unreadable(cause);
      });
      return Buffer.concat([inner.push(decoded), await inner.end()]);
    },
    fail: (error) => inner.fail(error),
  };
}

function unreadable(cause: Error): RelayError {
  return new RelayError("upstream_unreachable", `The provider's answer cannot be read (${cause.message}).`, {
    cause,
  });
}
