// GET /status of a running relay: once, or a document for each change for as long as the relay goes on.

import type { IncomingMessage } from "node:http";
import type { StatusDocument } from "../../documents/types.ts";
import { toRun, UserError } from "../../domain/errors.ts";
import { isObject, objectField, parseJson, stringField } from "../../json/json-values.ts";
import { http } from "../../network/http.ts";
import { startRelay } from "../relay-address.ts";

export interface StatusSource {
  /** `http://HOST:PORT` */
  origin: string;
  /** The relay's key; undefined where it asks for none. */
  key: string | undefined;
}

/** Throws UserError when no relay answers, or it does not want to. */
export async function readStatus(source: StatusSource): Promise<StatusDocument> {
  const answer = await ask(source, "/status");
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  const document = toStatus(Buffer.concat(chunks).toString());
  if (document === undefined) throw notARelay(source);
  return document;
}

/** Calls back with each document; returns when the relay ends the connection. Throws like readStatus. */
export async function followStatus(
  source: StatusSource,
  { signal, onStatus }: { signal: AbortSignal; onStatus(document: StatusDocument): void },
): Promise<void> {
  const answer = await ask(source, "/status?follow", signal);
  answer.setEncoding("utf8");
  let partial = "";
  try {
    for await (const chunk of answer as AsyncIterable<string>) {
      const lines = (partial + chunk).split("\n");
      partial = lines.pop() ?? "";
      // Of lines that came together only the last one is still true.
      const document = lines.length === 0 ? undefined : toStatus(lines.at(-1) ?? "");
      if (document !== undefined) onStatus(document);
    }
  } catch (error) {
    if (!signal.aborted && !isConnectionError(error)) throw error;
  }
}

const timeoutMs = 5000;

function ask(source: StatusSource, path: string, signal?: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // An agent of its own: the global one may go through a proxy of the environment.
    const question = http.request(source.origin + path, {
      agent: new http.Agent(),
      signal,
      headers: source.key === undefined ? {} : { "x-cc-relay-key": source.key },
    });
    const timer = setTimeout(() => question.destroy(new Error("no answer in time")), timeoutMs);
    question.on("error", (cause) => {
      clearTimeout(timer);
      reject(unreachable(source, cause));
    });
    question.on("response", (answer) => {
      clearTimeout(timer);
      if (answer.statusCode === 200) return resolve(answer);
      refusalOf(answer).then((message) => reject(refused(source, message, answer.statusCode)), reject);
    });
    question.end();
  });
}

function unreachable({ origin }: StatusSource, cause: Error): UserError {
  return new UserError(`no relay answers at ${origin}`, { fix: startRelay, cause });
}

function refused({ origin }: StatusSource, message: string | undefined, status = 0): UserError {
  if (status === 401 || status === 403) {
    return new UserError(`the relay at ${origin} does not take the key of this configuration`, {
      fix: "use the configuration that the relay runs with: cc-relay --config FILE top",
    });
  }
  return new UserError(message ?? `the program at ${origin} answered ${status} for /status`, {
    fix: toRun("check what runs there", "cc-relay doctor"),
  });
}

function notARelay(source: StatusSource): UserError {
  return refused(source, `the program at ${source.origin} is no relay of this version`);
}

const maxRefusalBytes = 64 * 1024;

/** The relay's own sentence; undefined when there is none. */
async function refusalOf(answer: IncomingMessage): Promise<string | undefined> {
  answer.setEncoding("utf8");
  let text = "";
  for await (const chunk of answer as AsyncIterable<string>) {
    text += chunk;
    if (text.length > maxRefusalBytes) break;
  }
  return stringField(objectField(parseJson(text), "error"), "message");
}

/** The relay was stopped or killed, which the next try will find out. */
function isConnectionError(error: unknown): boolean {
  return error instanceof Error && "code" in error;
}

function toStatus(text: string): StatusDocument | undefined {
  const value = parseJson(text);
  return isStatus(value) ? value : undefined;
}

/** Our own program made it: what is looked at is that it did, and that every list can be walked. */
function isStatus(value: unknown): value is StatusDocument {
  if (!isObject(value) || typeof value.version !== "string" || !isObject(value.today)) return false;
  const isListOf = (list: unknown, ...names: string[]) =>
    Array.isArray(list) && list.every((each) => isObject(each) && names.every((name) => name in each));
  return (
    isListOf(value.accounts, "id", "state", "windows") &&
    isListOf(value.running, "id", "time", "path") &&
    isListOf(value.recent, "id", "time", "path")
  );
}
