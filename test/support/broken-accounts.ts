// Ways in which an account can be broken: fifteen of any kind, and fifteen things under a 200 that are not an answer.

import type { Behaviour } from "./behaviour.ts";
import { claudeFailures } from "./claude-script.ts";
import { geminiFailures } from "./gemini-script.ts";
import { openaiFailures } from "./openai-script.ts";
import type { StrangeFamily } from "./strange.ts";

type Family = StrangeFamily["name"];
type Ways = Readonly<Record<string, Behaviour>>;

const html = { "content-type": "text/html" };
const error = { error: { message: "no" } };

const refusedKey: Readonly<Record<Family, () => Behaviour>> = {
  claude: () => claudeFailures.unauthorized(),
  chat: () => claudeFailures.unauthorized(),
  gemini: () => geminiFailures.keyInvalid(),
  openai: () => openaiFailures.unauthorized(),
};

const claudeEvent = { type: "error", error: { type: "api_error", message: "no" } };

const firstError: Readonly<Record<Family, unknown>> = {
  claude: claudeEvent,
  chat: claudeEvent,
  gemini: { error: { code: 500, message: "no", status: "INTERNAL" } },
  openai: { type: "error", code: "server_error", message: "no", param: null, sequence_number: 0 },
};

/** An answer of an API that this family's is not. */
const foreign: Readonly<Record<Family, unknown>> = {
  claude: { object: "chat.completion", choices: [] },
  chat: { object: "chat.completion", choices: [] },
  gemini: { type: "message", content: [] },
  openai: { candidates: [] },
};

export function brokenAccounts(family: Family): Ways {
  return {
    "500": { status: 500, body: error },
    "502 with a page": { status: 502, headers: html, body: "<html>bad gateway</html>" },
    "503 with a page": { status: 503, headers: html, body: "<html>busy</html>" },
    "529": { status: 529, body: error },
    "401": refusedKey[family](),
    "403 of a firewall": { status: 403, headers: html, body: "<html>Attention Required!</html>" },
    "a redirect": { status: 302, headers: { location: "https://example.invalid/" }, body: "" },
    "200 with a page": { status: 200, headers: html, body: "<html>sign in</html>" },
    "200 with nothing": { status: 200, body: "" },
    "200 with an error": { status: 200, body: error },
    "a reset before the answer": { breakOff: { when: "before-headers", how: "rst" } },
    "an error as first event": { firstEvent: firstError[family] },
    "no event at all": { cut: { afterEvents: 0, afterBytes: 0, how: "fin" } },
    ...truncatedStreams,
  };
}

/** Under these an answer has begun: the first request is lost, the ones after it go to the good account. */
export const truncatedStreams: Ways = {
  "a stream without its last event": { events: 6, cut: { afterEvents: 5, how: "clean" } },
  "a stream that breaks": { events: 6, cut: { afterEvents: 5, how: "rst" } },
};

export function noAnswers(family: Family): Ways {
  const json = { "content-type": "application/json" };
  const events = { "content-type": "text/event-stream" };
  const ok = (body: unknown, headers: Record<string, string | undefined> = {}): Behaviour => ({
    status: 200,
    headers,
    body,
  });
  return {
    "a page": ok("<!DOCTYPE html><title>Sign in</title>", html),
    "a page that says it is JSON": ok("<html>no</html>", json),
    "a page that says it is a stream": ok("<html>no</html>", events),
    text: ok("upstream connect error", { "content-type": "text/plain" }),
    nothing: ok(""),
    "nothing, as a stream": ok("", events),
    "no content": { status: 204, body: "" },
    "an array": ok("[]", json),
    "an empty object": ok("{}", json),
    null: ok("null", json),
    "another API's answer": ok(foreign[family]),
    "a code": ok('{"code":500,"msg":"404 NOT_FOUND","success":false}', json),
    "an error of words": ok({ error: "rate limit" }),
    "an error in an event": ok(`event: error\ndata: ${JSON.stringify(error)}\n\n`, events),
    "half of a JSON": ok('{"id":"x","ty', json),
  };
}
