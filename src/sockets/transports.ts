// How accounts are asked over a client's connection: with a request as a frame, or only to open their side of it.

import type { Answer } from "../relay/answer.ts";
import { sendTo, type Transport } from "../relay/transport.ts";
import type { AnswerObserver } from "../usage/observer.ts";
import type { UpstreamLine } from "./upstream-line.ts";

/** Sends the call as a frame. Whatever follows is what follows any other attempt. `watch` is given what observes a good answer. */
export function overLine(
  line: UpstreamLine,
  watch: (observer: AnswerObserver | undefined) => void,
): Transport {
  return async (sending, deps) => {
    const opened = await line.open(sending, deps);
    if (!opened.ok) return { ...opened, answer: undefined };
    const { socket } = opened;
    const upstream = { ...sending.upstream, observe: socket.protocol.observe };
    const result = await sendTo(socket, { ...sending, upstream }, deps);
    if (result.ok) watch(result.answer.observer);
    return result;
  };
}

/** Opens the line and sends nothing. A good answer has the status 101 and nothing to pipe. */
export function openLine(line: UpstreamLine): Transport {
  return async (sending, deps) => {
    const opened = await line.open(sending, deps);
    if (!opened.ok) return { ...opened, answer: undefined };
    const { status = 101, headers = {}, rawHeaders = [] } = opened.head ?? {};
    const answer: Answer = {
      head: { status, headers },
      rawHeaders,
      observer: undefined,
      headAt: deps.now(),
      held: [],
      isWhole: false,
      isTruncated: false,
      pipe() {},
      pause() {},
      resume() {},
      discard: () => line.abandon(),
    };
    return { ok: true, answer };
  };
}
