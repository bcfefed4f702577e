// The Anthropic SDK's tool runner over two accounts: it sends each turn as the continuation of a thread that only the account which gave
// the last message has. Where it is asked elsewhere it replays the whole conversation.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Behaviour, RecordedRequest } from "../support/behaviour.ts";
import { claudeError, claudeFailures } from "../support/claude-script.ts";
import { claudeEnvironment } from "./claude-code.ts";
import { sdks } from "./sdks.ts";
import { accountsAsked, assertSound, type RelayStage, startRelayStage } from "./stage.ts";

const turns = 4;

interface Sent {
  thread?: { type: string; previous_message_id?: string };
  messages: { role: string; content: string | { type: string }[] }[];
}

const sentOf = ({ json }: RecordedRequest) => json as Sent;

/** Each account remembers the messages that it gave, and asks for a tool until the last turn. */
function threadModel(): (request: RecordedRequest) => Behaviour {
  const given = new Map<string, { by: string; turn: number }>();
  return (request) => {
    const { thread, messages } = sentOf(request);
    const previous = thread?.previous_message_id;
    const known = previous === undefined ? undefined : given.get(previous);
    if (previous !== undefined && known?.by !== request.credential)
      return claudeError(404, {
        message: `Thread not found for previous_message_id ${previous}`,
        code: "thread_not_found",
      });
    const replayed = messages.filter(({ role }) => role === "assistant").length;
    const turn = (known?.turn ?? replayed) + 1;
    given.set(`msg_script${request.index}`, { by: request.credential, turn });
    if (turn >= turns) return { content: `done after ${turn} turns` };
    return { content: [{ kind: "tool", id: `toolu_${request.index}`, name: "look", input: { turn } }] };
  };
}

async function runTools(stage: RelayStage, question: string, stream: boolean): Promise<string | undefined> {
  const client = sdks.anthropic(await claudeEnvironment(stage));
  const tool = {
    name: "look",
    description: "looks",
    input_schema: { type: "object" },
    parse: (input: unknown) => input,
    run: () => "seen",
  };
  const runner = client.beta.messages.toolRunner({
    ...{ model: "claude-sonnet-5-5", max_tokens: 500, stream },
    messages: [{ role: "user", content: question }],
    tools: [tool],
  });
  const { content } = await runner.runUntilDone();
  return content[0]?.text;
}

async function startStage(t: TestContext): Promise<RelayStage> {
  const stage = await startRelayStage(t, { type: "claude-api", priority: 100 });
  stage.upstream.on(() => true, threadModel());
  return stage;
}

for (const stream of [false, true]) {
  test(`no ${stream ? "streamed " : ""}request of a tool runner is replayed, however many accounts there are`, async (t) => {
    const stage = await startStage(t);
    const questions = ["one", "two", "three", "four"];
    const answers = await Promise.all(questions.map((question) => runTools(stage, question, stream)));
    assert.deepEqual(answers, Array(questions.length).fill(`done after ${turns} turns`));
    const { requests } = stage.upstream;
    assert.equal(requests.length, questions.length * turns);
    const kinds = requests.map((request) => sentOf(request).thread?.type);
    assert.equal(kinds.filter((kind) => kind === "create").length, questions.length);
    assert.equal(kinds.filter((kind) => kind === "continue").length, questions.length * (turns - 1));
    // Else nothing was proved: each of the two gave some of the answers.
    assert.deepEqual(new Set(accountsAsked(stage)), new Set(["first", "second"]));
    await assertSound(stage);
  });
}

test("a tool runner whose account reaches its limit replays once, at the other account, and goes on there", async (t) => {
  const stage = await startStage(t);
  const { upstream } = stage;
  const model = threadModel();
  const limited = claudeFailures.windowRejected("5h", Date.now() + 7_200_000);
  upstream.on(
    () => true,
    (request) =>
      request.credential === upstream.requests[0]?.credential && sentOf(request).thread?.type === "continue"
        ? limited
        : model(request),
  );
  assert.equal(await runTools(stage, "one", false), `done after ${turns} turns`);
  const kinds = upstream.requests.map((request) => sentOf(request).thread?.type);
  assert.deepEqual(kinds, ["create", "continue", "continue", "create", "continue", "continue"]);
  const [home, limitedOne, ...rest] = accountsAsked(stage);
  assert.equal(home, limitedOne);
  assert.equal(new Set(rest).size, 1);
  assert.notEqual(rest[0], home);
});
