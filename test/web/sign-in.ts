// Signs in at a test relay's page, as a browser that `cc-relay web` has opened does.

import { createCode } from "../../src/web/sign-in-code.ts";
import { type ClientAnswer, send } from "../support/client.ts";
import type { TestRelay } from "../support/relay.ts";

export function makeCode(relay: TestRelay, now = Date.now()): Promise<string> {
  return createCode(relay.config.server.databasePath, now);
}

export function exchange(
  { url }: Pick<TestRelay, "url">,
  code: string,
  headers: string[] = [],
): Promise<ClientAnswer> {
  return send(url, { method: "POST", path: "/ui/session", headers, body: { code } });
}

/** The `cookie` header of a new session. */
export async function signIn(relay: TestRelay, now = Date.now()): Promise<string[]> {
  return signInWith(relay.url, await makeCode(relay, now));
}

/** The same at any relay. */
export async function signInWith(url: string, code: string): Promise<string[]> {
  const answer = await exchange({ url }, code);
  const cookie = answer.header("set-cookie")?.split(";")[0];
  if (answer.status !== 204 || cookie === undefined) throw new Error(`not signed in: ${answer.text}`);
  return ["cookie", cookie];
}

/** What a page of the relay's own origin sends with a fetch. */
export const ownFetch = [
  "sec-fetch-site",
  "same-origin",
  "sec-fetch-mode",
  "cors",
  "sec-fetch-dest",
  "empty",
];
