// Ends answers that are given while the request's body still comes: closing the socket under a client that is still sending
// resets the connection, and the answer is lost with it.

import type { ServerResponse } from "node:http";
import type { BodyStall } from "../relay/read-body.ts";

export interface Ending extends BodyStall {
  /** The last bytes of the answer. */
  last: Buffer | string;
  /** How long what still comes is read and dropped before a connection is closed that does not outlive the answer. */
  lingerMs: number;
}

/**
 * Ends an answer whose head is written. Where the connection is closed after it, the last bytes are sent at once (the
 * content-length says that they are the last) and the socket is closed when the whole body has come.
 */
export function endAnswer(response: ServerResponse, ending: Ending): void {
  const { req: request, socket } = response;
  if (request.complete || !socket || socket.destroyed) return void response.end(ending.last);
  // It may have been paused for want of memory.
  request.resume();
  if (response.shouldKeepAlive) closeWhenSlow(response, ending);
  else closeLater(response, ending);
}

/** node:http reads what is left of the body by itself. */
function closeWhenSlow(response: ServerResponse, { last, stallMs, stallBytes }: Ending): void {
  // Both are taken from the response when it is over.
  const { req: request, socket } = response;
  response.end(last);
  let before = socket?.bytesRead ?? 0;
  const watch = setInterval(() => {
    if (request.complete || !socket || socket.destroyed) return clearInterval(watch);
    if (socket.bytesRead - before < stallBytes) socket.destroy();
    before = socket.bytesRead;
  }, stallMs).unref();
}

function closeLater(response: ServerResponse, { last, lingerMs }: Ending): void {
  response.write(last);
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  response.req.once("end", end);
  response.once("close", () => clearTimeout(timer));
}
