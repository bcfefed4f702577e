// Where the relay of this machine is reached, and whether it is there.

import { Agent, get } from "node:http";
import type { Config } from "../config/config.ts";
import type { CommandContext } from "./context.ts";

/** `http://HOST:PORT` of the running relay when one has published its port, else as configured. */
export async function findRelay(context: CommandContext, config: Config): Promise<string> {
  const daemon = await context.findDaemon(config);
  return originOf(daemon ?? config.server);
}

/** An address that a relay listens on as everyone here can reach it. */
export function originOf({ host, port }: { host: string; port: number }): string {
  if (host === "0.0.0.0" || host === "") return `http://127.0.0.1:${port}`;
  if (host === "::" || host === "[::]") return `http://[::1]:${port}`;
  if (!host.includes(":") || host.startsWith("[")) return `http://${host}:${port}`;
  // RFC 6874: the percent sign before a zone is itself encoded.
  return `http://[${host.replace("%", "%25")}]:${port}`;
}

export type Presence =
  | { kind: "up"; version: string }
  /** Nobody listens, or nothing comes back in time. */
  | { kind: "down" }
  /** Another program has the port. */
  | { kind: "other" };

/** Asks for `/health`, which needs no key. */
export async function lookForRelay(origin: string, timeoutMs = 2000): Promise<Presence> {
  const answer = await fetchJson(`${origin}/health`, timeoutMs);
  if (answer === undefined) return { kind: "down" };
  const { status, version } = answer;
  return status === "ok" && typeof version === "string" ? { kind: "up", version } : { kind: "other" };
}

/** Whether the relay runs with simulated accounts: then a client needs some key, and any will do. */
export async function isDemo(origin: string, timeoutMs = 300): Promise<boolean> {
  const answer = await fetchJson(`${origin}/`, timeoutMs);
  return answer?.demo === true;
}

/** Undefined when there is no answer, an empty object when it is no JSON object. */
function fetchJson(url: string, timeoutMs: number): Promise<Record<string, unknown> | undefined> {
  return new Promise((resolve) => {
    // An agent of its own: the global one may go through a proxy of the environment.
    const request = get(url, { agent: new Agent(), signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        // Ours are short: whatever sends more is another program.
        if (text.length > 64 * 1024) request.destroy();
      });
      response.on("end", () => resolve(parseObject(text)));
      response.on("error", () => resolve({}));
    });
    request.on("error", () => resolve(undefined));
  });
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}
