// Hands one message to one receiver: a webhook, a topic of ntfy, or a command that reads it from its standard input.

import { spawn } from "node:child_process";
import type { Dispatcher } from "undici";
import type { Config, NotifyConfig } from "../config/config.ts";
import { createDispatchers } from "../network/dispatchers.ts";
import { fetchSmallAnswer } from "../oauth/small-answer.ts";
import { rfc3339 } from "../text/format.ts";
import type { Notice } from "./notices.ts";

export interface SendOptions {
  receiver: NotifyConfig["receiver"];
  /** For the two that are addresses. */
  dispatcher: Dispatcher;
  timeoutMs: number;
  /** Takes secrets out of a text. */
  redact(text: string): string;
}

/** `sent`, or why not: a sentence without secrets, and without the address, which may be one. */
export type SendResult = { ok: true } | { ok: false; reason: string };

/** Never rejects, and returns within the time limit. */
export async function sendNotice(notice: Notice, now: number, options: SendOptions): Promise<SendResult> {
  const { receiver, redact } = options;
  const { message, text } = writeNotice(notice, now, redact);
  try {
    switch (receiver.kind) {
      case "webhook":
        return await post({
          ...options,
          url: receiver.url,
          text,
          headers: { "content-type": "application/json" },
        });
      case "ntfy":
        return await post({
          ...{ ...options, url: receiver.url, text: message },
          headers: { "content-type": "text/plain; charset=utf-8", title: "cc-relay", tags: notice.event },
        });
      case "command":
        return await run(receiver.command, text, options.timeoutMs);
    }
  } catch (error) {
    return { ok: false, reason: redact(reasonOf(error, options.timeoutMs)) };
  }
}

/** Its sentence, and all of it as JSON, without secrets. */
export function writeNotice(
  notice: Notice,
  now: number,
  redact: SendOptions["redact"],
): { message: string; text: string } {
  // Before it is written as JSON, which has to stay whole.
  const message = redact(notice.message);
  const reason = notice.reason === null ? null : redact(notice.reason);
  return { message, text: JSON.stringify(toBody({ ...notice, message, reason }, now)) };
}

function toBody({ event, account, family, state, reason, until, message }: Notice, now: number) {
  return {
    ...{ event, account, family, state, reason },
    until: until === undefined ? null : rfc3339(until),
    time: rfc3339(now),
    message,
  };
}

interface Post extends SendOptions {
  url: string;
  headers: Record<string, string>;
  text: string;
}

async function post({ url, headers, text, dispatcher, timeoutMs }: Post): Promise<SendResult> {
  const target = new URL(url);
  const { username, password } = target;
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const { status } = await fetchSmallAnswer({
    dispatcher,
    url: target,
    method: "POST",
    headers: [
      ...Object.entries(headers).flat(),
      ...(username === "" ? [] : ["authorization", `Basic ${login.toString("base64")}`]),
    ],
    body: text,
    signal: AbortSignal.timeout(timeoutMs),
    // Nothing of the answer is wanted but its status.
    maxBytes: 1024,
  });
  if (status >= 200 && status < 300) return { ok: true };
  return { ok: false, reason: `it answered ${status}` };
}

/** No shell: the arguments reach the program as they are written. */
function run([file = "", ...args]: readonly string[], text: string, timeoutMs: number): Promise<SendResult> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ["pipe", "ignore", "ignore"], windowsHide: true });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve({ ok: false, reason: `the command cannot be started: ${error.code ?? error.message}` });
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      if (isLate) return resolve({ ok: false, reason: lateText(timeoutMs) });
      const end = signal === null ? `with ${code}` : `by ${signal}`;
      resolve(code === 0 ? { ok: true } : { ok: false, reason: `the command ended ${end}` });
    });
    // A program that does not read its input may still have taken the message.
    child.stdin.on("error", () => {});
    child.stdin.end(`${text}\n`);
  });
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError" || error.name === "AbortError") return lateText(timeoutMs);
  return "code" in error && typeof error.code === "string"
    ? `it cannot be reached: ${error.code}`
    : error.message;
}

function lateText(timeoutMs: number): string {
  return `it did not take the message within ${Math.round(timeoutMs / 1000)} s`;
}

/** How receivers are reached: through their own proxy, else the environment's, loopback directly. Connections of their own. */
export interface NotifyDispatchers {
  for(receiver: NotifyConfig): Dispatcher;
  close(): Promise<void>;
}

const connectTimeoutMs = 10_000;

export function createNotifyDispatchers({
  environmentProxy,
}: Pick<Config, "environmentProxy">): NotifyDispatchers {
  const dispatchers = createDispatchers({ connectTimeoutMs, environmentProxy });
  return {
    for: ({ proxy }) => dispatchers.for("notify", proxy),
    close: () => dispatchers.close(),
  };
}
