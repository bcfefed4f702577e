// The OpenAI SDK as the reader of converted answers: whatever a provider's answer looks like, the library ends a request without an error
// only when it has got a whole answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startRelay, testAccount } from "../support/relay.ts";
import { createRandom } from "../support/strange.ts";
import { startUpstream } from "../support/upstream.ts";
import { type ShapedAnswer, shapedAnswer } from "./claude-shapes.ts";
import { type Completion, type OpenAiClient, type RequestOptions, sdks } from "./sdks.ts";

const seed = Number(process.env.CC_RELAY_SHAPES_SEED ?? 20_261_130);
/** Ends earlier on a busy machine; a longer run names more of them. */
const caseCount = Number(process.env.CC_RELAY_SHAPES ?? 300);
const maxMs = caseCount > 300 ? 3_600_000 : 8_000;
const minCases = 40;

const question = { model: "claude-sonnet-5-5", messages: [{ role: "user", content: "Wie geht es?" }] };
const once = { maxRetries: 0 };

test("a converted answer of any shape is whole for the library, or an error", async (t) => {
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const relay = await startRelay({ accounts: [testAccount("only", "claude-api", upstream.url)] });
  t.after(() => relay.close());
  const client = sdks.openai({ OPENAI_BASE_URL: `${relay.url}/v1`, OPENAI_API_KEY: "any" });
  const random = createRandom(seed);
  const begun = performance.now();
  const seen = { whole: 0, failed: 0 };
  const faults: string[] = [];
  let cases = 0;
  while (cases < caseCount && (cases < minCases || performance.now() - begun < maxMs)) {
    const stream = cases++ % 2 === 0;
    const shaped = shapedAnswer(random, { stream });
    upstream.on(() => true, shaped.behaviour);
    const got = await (stream ? askForStream(client) : askForDocument(client));
    seen[got.completion ? "whole" : "failed"]++;
    const fault = faultOf(shaped, got);
    if (fault !== undefined) faults.push(`seed ${seed}, case ${cases} (${shaped.name}): ${fault}`);
    upstream.reset();
    // A good answer in between: three faults in a row would be a cooldown of the account. As patient as the library is by itself,
    // since a reset may still be on its way to the connection that is used again.
    const ordinary = await askForDocument(client, {});
    if (!ordinary.completion) faults.push(`case ${cases} (${shaped.name}): the next request failed too`);
  }
  assert.deepEqual(faults, []);
  assert.ok(seen.whole >= cases / 8 && seen.failed >= cases / 8, JSON.stringify({ cases, ...seen }));
  t.diagnostic(`${cases} shapes: ${seen.whole} whole, ${seen.failed} errors`);
});

interface Got {
  /** What the library made of it; undefined: it raised an error. */
  completion: Completion | undefined;
  /** The words that came in pieces. */
  pieces: string;
  /** The pieces came to an end without an error. */
  endedCleanly: boolean;
}

async function askForDocument(client: OpenAiClient, options: RequestOptions = once): Promise<Got> {
  const completion = await client.chat.completions.create(question, options).catch(() => undefined);
  return { completion, pieces: "", endedCleanly: completion !== undefined };
}

async function askForStream(client: OpenAiClient): Promise<Got> {
  const stream = client.chat.completions.stream(question, once);
  const final = stream.finalChatCompletion().catch(() => undefined);
  let pieces = "";
  let endedCleanly = true;
  try {
    for await (const { choices } of stream) pieces += choices[0]?.delta.content ?? "";
  } catch {
    endedCleanly = false;
  }
  return { completion: await final, pieces, endedCleanly };
}

function faultOf(shaped: ShapedAnswer, { completion, pieces, endedCleanly }: Got): string | undefined {
  if (endedCleanly && !completion) return "the pieces ended cleanly, and were no whole answer";
  if (!completion) return shaped.text === undefined ? undefined : "a good answer was an error";
  const [choice] = completion.choices;
  if (!choice?.message || typeof choice.finish_reason !== "string")
    return "no choice, or one without its end";
  if (!shaped.isWhole) return `a clean end of half an answer: ${JSON.stringify(completion).slice(0, 300)}`;
  const content = choice.message.content ?? "";
  if (pieces !== "" && content !== pieces) return "the pieces are not the answer";
  if (shaped.text !== undefined && content !== shaped.text) return `other words: ${JSON.stringify(content)}`;
  return undefined;
}
