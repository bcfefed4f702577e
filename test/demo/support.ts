// A simulated provider for one test, and requests with the keys of its accounts.

import type { TestContext } from "node:test";
import { type Demo, type DemoOptions, startDemo } from "../../src/demo/demo.ts";

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the assertions
export type Json = any;

/** What the demo takes for the present, where a test names no other. */
export const now = Date.UTC(2026, 10, 22, 12, 0, 0);

/** A request to Claude. */
export const hello = { model: "claude-x", max_tokens: 100, messages: [{ role: "user", content: "Say hi" }] };

export interface CalledDemo extends Demo {
  /** Empty where there is no such account. */
  keyOf(id: string): string;
  claude(path: string, body: unknown, id?: string, headers?: Record<string, string>): Promise<Response>;
  gemini(path: string, body: unknown, id?: string): Promise<Response>;
  openai(path: string, body: unknown, id?: string): Promise<Response>;
}

/** Fast, and without limits unless a test asks for them. */
export async function start(t: TestContext, options: DemoOptions = {}): Promise<CalledDemo> {
  const demo = await startDemo({ pauseMs: 0, latencyMs: 0, clock: () => now, ...options });
  t.after(() => demo.close());
  const { urls } = demo;
  const keyOf = (id: string) => demo.accounts.find((account) => account.id === id)?.secret ?? "";
  return {
    ...demo,
    keyOf,
    claude: (path, body, id = "demo-claude-2", headers = {}) =>
      fetch(`${urls.claude}${path}`, {
        method: "POST",
        headers: { "x-api-key": keyOf(id), "content-type": "application/json", ...headers },
        body: typeof body === "string" || body instanceof Buffer ? body : JSON.stringify(body),
      }),
    gemini: (path, body, id = "demo-gemini-2") =>
      fetch(`${urls.gemini}${path}`, {
        method: "POST",
        headers: { "x-goog-api-key": keyOf(id) },
        body: JSON.stringify(body),
      }),
    openai: (path, body, id = "demo-openai-2") =>
      fetch(`${urls.openai}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${keyOf(id)}` },
        body: JSON.stringify(body),
      }),
  };
}

/** The events of a stream: `event` lines where there are any, and the parsed `data`. */
export function readEvents(text: string): { name: string | undefined; data: Json }[] {
  return text
    .split(/\r?\n\r?\n/)
    .filter((block) => block !== "")
    .map((block) => ({
      name: /^event: (.*)$/m.exec(block)?.[1],
      data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? "null"),
    }));
}
