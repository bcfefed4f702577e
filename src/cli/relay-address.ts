// Finds the address of the relay on this machine, and checks whether it answers.

import type { Config } from "../config/config.ts";
import { demoAccountId } from "../demo/account-id.ts";
import type { Presence } from "../doctor/daemon.ts";
import { type Fix, UserError } from "../domain/errors.ts";
import { listField, parseJson, stringField } from "../json/json-values.ts";
import { http } from "../network/http.ts";
import type { CommandContext } from "./context.ts";

/**
 * `http://HOST:PORT` of the running relay when one has published its port, else as configured. Throws UserError where the
 * configuration leaves the port to the system and none runs: then there is no address.
 */
export async function findRelay(context: CommandContext, config: Config): Promise<string> {
  const address = (await context.findDaemon(config)) ?? config.server;
  if (address.port !== 0) return originOf(address);
  throw new UserError("no relay is running, and server.port = 0 names no port to look for one", {
    fix: startRelay,
  });
}

/** Throws UserError unless a relay answers there. */
export async function requireRelay(origin: string): Promise<void> {
  const { kind } = await lookForRelay(origin);
  if (kind === "down") throw new UserError(`no relay answers at ${origin}`, { fix: startRelay });
  if (kind === "other")
    throw new UserError(`what answers at ${origin} is not cc-relay`, {
      fix: "to let the relay have another port, change server.port in config.toml",
    });
}

/** For a command that needs a relay. */
export const startRelay: Fix = {
  instruction: "to start it, run in another terminal:",
  command: "cc-relay serve",
};

/** A relay answers at once, but the machine may be busy. */
const answerTimeoutMs = 5000;

/** Asks for `/health`, which needs no key. */
export async function lookForRelay(origin: string): Promise<Presence> {
  const answer = await askRelay(`${origin}/health`, { method: "GET", timeoutMs: answerTimeoutMs });
  if (answer === undefined) return { kind: "down" };
  const health = parseJson(answer.text);
  const version = stringField(health, "version");
  const isRelay = stringField(health, "status") === "ok" && version !== undefined;
  return isRelay ? { kind: "up", version } : { kind: "other" };
}

/** The status with which the relay answers for its page; undefined when nothing comes. */
export async function pageStatus(origin: string): Promise<number | undefined> {
  return (await askRelay(`${origin}/ui`, { method: "GET", timeoutMs: answerTimeoutMs }))?.status;
}

/**
 * Whether the relay runs with simulated accounts: then a client needs some key, and any will do. A demo has no key of its own,
 * so that it shows its accounts. Nothing is recorded of the question, as it would be on a model route.
 */
export async function isDemo(origin: string): Promise<boolean> {
  const answer = await askRelay(`${origin}/status`, {
    method: "GET",
    timeoutMs: 1000,
    maxLength: 1024 * 1024,
  });
  const accounts = listField(parseJson(answer?.text ?? ""), "accounts");
  return accounts.some((account) => stringField(account, "id") === demoAccountId("claude", 1));
}

export interface Question {
  method: "GET" | "POST";
  timeoutMs: number;
  headers?: Record<string, string>;
  /** What sends more is another program; undefined: the answer has a few lines. */
  maxLength?: number;
}

/** Undefined when nothing answers in time; what has come by then when an answer breaks off. */
export function askRelay(
  url: string,
  { method, timeoutMs, headers, maxLength = 64 * 1024 }: Question,
): Promise<{ status: number; text: string } | undefined> {
  return new Promise((resolve) => {
    // An agent of its own: the global one may go through a proxy of the environment.
    const options = { agent: new http.Agent(), signal: AbortSignal.timeout(timeoutMs), method, headers };
    const question = http.request(url, options, (response) => {
      let text = "";
      const done = () => resolve({ status: response.statusCode ?? 0, text });
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > maxLength) question.destroy();
      });
      response.on("end", done).on("error", done);
    });
    question.on("error", () => resolve(undefined));
    question.end();
  });
}

/** As programs of this machine reach it: `http://HOST:PORT`. */
export function originOf({ host, port }: { host: string; port: number }): string {
  if (host === "0.0.0.0" || host === "") return `http://127.0.0.1:${port}`;
  if (host === "::" || host === "[::]") return `http://[::1]:${port}`;
  if (!host.includes(":") || host.startsWith("[")) return `http://${host}:${port}`;
  // RFC 6874: the percent sign before a zone is itself encoded.
  return `http://[${host.replace("%", "%25")}]:${port}`;
}
