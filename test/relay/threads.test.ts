// Claude threads: a request that continues a message goes to the account that gave it, and where that cannot serve, anywhere.

import assert from "node:assert/strict";
import { test } from "node:test";
import { claudeError } from "../support/claude-script.ts";
import { type ClientAnswer, send } from "../support/client.ts";
import { type Stage, setStage } from "../support/stage.ts";

interface Turn {
  /** The `thread` of the request; undefined: none. */
  thread?: object | undefined;
  session?: string;
  stream?: boolean;
  headers?: string[];
  more?: object;
}

const begins = { type: "create" };
const continues = (id: string) => ({ type: "continue", previous_message_id: id });
const onSecond = ["x-cc-relay-account", "second"];

function ask({ relay }: Stage, turn: Turn = {}): Promise<ClientAnswer> {
  const { thread, session = "s1", stream = true, headers = [], more = {} } = turn;
  return send(relay.url, {
    path: "/v1/messages",
    headers: ["x-claude-code-session-id", session, ...headers],
    body: {
      model: "claude-opus-5-5",
      max_tokens: 9,
      messages: [{ role: "user", content: "x" }],
      stream,
      thread,
      ...more,
    },
  });
}

function servedBy(answer: ClientAnswer): string | undefined {
  assert.equal(answer.status, 200, answer.text);
  return answer.header("x-cc-relay-account")?.toString();
}

/** The id of an answer that the second account gave, though the first is preferred. */
async function messageOfSecond(stage: Stage, turn: Turn = {}): Promise<string> {
  const answer = await ask(stage, { thread: begins, ...turn, headers: onSecond });
  assert.equal(servedBy(answer), "second");
  return messageId(answer);
}

function messageId(answer: ClientAnswer): string {
  const found = /"id":"(msg_[^"]+)"/.exec(answer.text)?.[1];
  assert.ok(found, answer.text);
  return found;
}

for (const stream of [true, false]) {
  test(`a thread goes on at the account that gave its ${stream ? "streamed" : "whole"} answer, also after a restart`, async (t) => {
    const stage = await setStage(t);
    const first = await messageOfSecond(stage, { stream });
    const next = await ask(stage, { thread: continues(first), stream });
    assert.equal(servedBy(next), "second");
    await stage.relay.restart();
    const later = await ask(stage, { thread: continues(messageId(next)), stream, session: "s2" });
    assert.equal(servedBy(later), "second");
    assert.equal(servedBy(await ask(stage, { session: "s3", stream })), "first");
  });
}

test("a thread goes on where its message is, not where its session is at home", async (t) => {
  const stage = await setStage(t);
  assert.equal(servedBy(await ask(stage, { thread: begins })), "first");
  const onOther = await messageOfSecond(stage);
  assert.equal(servedBy(await ask(stage, { thread: continues(onOther) })), "second");
  assert.equal(servedBy(await ask(stage)), "first", "without a thread the session comes home");
});

test("a thread whose account is in cooldown goes to another one as it is, and goes on there", async (t) => {
  const stage = await setStage(t);
  const { upstream } = stage;
  const previous = await messageOfSecond(stage);
  const limit = claudeError(429, { message: "limit", type: "rate_limit_error" });
  upstream.queue("key-of-second", { ...limit, headers: { ...limit.headers, "retry-after": "1800" } });
  const thread = continues(previous);
  const moved = await ask(stage, { thread });
  assert.equal(servedBy(moved), "first");
  const [atSecond, atFirst] = upstream.requests.slice(-2);
  assert.deepEqual((atFirst!.json as { thread?: unknown }).thread, thread);
  assert.deepEqual(atFirst!.body, atSecond!.body);
  assert.equal(servedBy(await ask(stage, { thread: continues(messageId(moved)) })), "first");
  assert.equal(servedBy(await ask(stage, { thread })), "first", "it is not asked while it is in cooldown");
  assert.deepEqual(stage.servedBy(), ["second", "second", "first", "first", "first"]);
});

test("the provider's word on a thread that it does not know reaches the client", async (t) => {
  const stage = await setStage(t);
  const unknown = claudeError(404, { message: "thread_not_found", type: "not_found_error" });
  stage.upstream.queue("key-of-first", unknown);
  const answer = await ask(stage, { thread: continues("msg_of_nobody") });
  assert.equal(answer.status, 404);
  assert.equal(answer.header("x-cc-relay-error"), undefined);
  assert.deepEqual(answer.json(), unknown.body);
  assert.deepEqual(stage.servedBy(), ["first"]);
});

test("a thread whose account is disabled or removed goes to another one", async (t) => {
  const stage = await setStage(t);
  const thread = continues(await messageOfSecond(stage));
  await stage.relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.map((one) => ({ ...one, enabled: one.id === "first" })),
  }));
  assert.equal(servedBy(await ask(stage, { thread })), "first");
  await stage.relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.filter(({ id }) => id === "first"),
  }));
  assert.equal(servedBy(await ask(stage, { thread })), "first");
});

test("a thread that uses a container goes where the container is", async (t) => {
  const stage = await setStage(t);
  const more = { container: "container_1" };
  assert.equal(servedBy(await ask(stage, { more, headers: onSecond })), "second");
  const onFirst = await ask(stage, { thread: begins, session: "s2" });
  assert.equal(servedBy(onFirst), "first");
  assert.equal(servedBy(await ask(stage, { thread: continues(messageId(onFirst)), more })), "second");
});

test("answers to requests without a thread are not remembered", async (t) => {
  const stage = await setStage(t);
  const id = await messageOfSecond(stage, { thread: undefined });
  assert.equal(servedBy(await ask(stage, { thread: continues(id), session: "s2" })), "first");
});
