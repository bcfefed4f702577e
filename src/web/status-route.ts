// `/status?follow`: JSON lines over HTTP, each the whole status.

import type { ServerResponse } from "node:http";
import { RelayError } from "../domain/errors.ts";
import type { LiveView } from "../live/live.ts";

const maxFollowers = 64;

/** Returns when the follower has left or was dropped. Throws RelayError when there are too many. */
export async function followStatus(live: LiveView, response: ServerResponse): Promise<void> {
  if (live.followers.count >= maxFollowers) {
    throw new RelayError("over_capacity", `${maxFollowers} programs and pages follow /status already.`, {
      retryAfterSeconds: 10,
    });
  }
  response.writeHead(200, { "content-type": "application/jsonl; charset=utf-8", "x-accel-buffering": "no" });
  response.flushHeaders();
  const closed = new Promise<void>((resolve) => response.once("close", () => resolve()));
  const stop = live.followers.add({
    write: (line) => response.write(line),
    onDrain: (callback) => void response.once("drain", callback),
    end: () => void response.end(),
    // What is still in its socket will never be read.
    drop: () => void response.destroy(),
  });
  response.on("error", stop);
  await closed;
  stop();
}
