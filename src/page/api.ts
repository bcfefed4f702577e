// What the page asks the relay: its data, and the status that follows every change.

import type { StatusDocument } from "../documents/types.ts";

/** The session is over, or there never was one. */
export class SignedOut extends Error {
  override name = "SignedOut";
}

/** Throws SignedOut, or an Error whose message is for the person at the page. */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, { signal });
  return (await response.json()) as T;
}

/** Whether the code was good. */
export async function signIn(code: string): Promise<boolean> {
  const response = await fetch("/ui/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code }),
  });
  return response.ok;
}

/** Calls back for each line; returns when the relay ends the answer. Throws like getJson. */
export async function followStatus(
  signal: AbortSignal,
  onStatus: (status: StatusDocument) => void,
): Promise<void> {
  const response = await ask("/status?follow", { signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let partial = "";
  for (;;) {
    const piece = await reader?.read();
    if (piece === undefined || piece.done) return;
    const lines = (partial + piece.value).split("\n");
    partial = lines.pop() ?? "";
    // Lines that came together: only the last one is still true.
    const last = lines.at(-1);
    if (last) onStatus(JSON.parse(last) as StatusDocument);
  }
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  const response = await fetch(path, { ...init, credentials: "same-origin", cache: "no-store" });
  if (response.ok) return response;
  if (response.status === 401 || response.status === 403) throw new SignedOut("not signed in");
  throw new Error(await messageOf(response));
}

/** The relay's own errors say in a sentence what is wrong, in the form of one of three APIs. */
async function messageOf(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { error?: { message?: unknown } };
    if (typeof body.error?.message === "string") return body.error.message;
  } catch {
    // What is no JSON says nothing that would help.
  }
  return `The relay answered ${response.status}.`;
}
