import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { wholeBody } from "../../src/domain/call.ts";
import type { Failure } from "../../src/domain/failure.ts";
import { healSignatures } from "../../src/upstreams/claude-thinking.ts";
import { makeCall } from "./make-call.ts";

const refused: Failure = {
  kind: "rejected",
  status: 400,
  reason: "messages.1.content.0: Invalid `signature` in `thinking` block (invalid_request_error)",
};
const thinking = '{"type":"thinking","thinking":"a \\"} ] {","signature":"x"}';
/** Nobody knows of any thinking who made it, unless it says so. */
const nobody = async (_: string): Promise<boolean | undefined> => undefined;
const heal = async (body: string, failure: Failure = refused, isMadeElsewhere = nobody) => {
  const healed = await healSignatures(makeCall({ body: Buffer.from(body) }), failure, isMadeElsewhere);
  return healed && wholeBody(healed.body ?? []).toString();
};

test("thinking goes out of the assistant's messages alone, and every other byte stays", async () => {
  const body = (content: string) =>
    `{ "x":"\\u00e9", "thinking":{"type":"adaptive"},"messages":[ {"role":"user","content":[${thinking}]},{"content" : ${content} ,"role":"assistant"}], "max_tokens":1e2}`;
  const text = '{"type": "text","text":"thinking"}';
  const healed = await heal(body(`[${thinking}, ${text},{"type":"redacted_thinking","data":"x"}]`));
  assert.equal(healed, body(`[${text}]`).replace("[ {", "[{"));
});

test("a message of nothing else goes, and a budget with it where a tool's call has lost its thinking", async () => {
  const tool = '{"type":"tool_use","id":"t","name":"n","input":{}}';
  const body = `{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[${thinking}]},{"role":"assistant","content":[${thinking},${tool}]}]}`;
  assert.equal(
    await heal(body),
    `{"thinking":{"type":"disabled"},"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[${tool}]}]}`,
  );
});

test("nothing is changed for another refusal, or where there is no thinking", async () => {
  const body = `{"messages":[{"role":"assistant","content":[${thinking}]}]}`;
  assert.equal(
    await heal(body, { kind: "rejected", status: 400, reason: "max_tokens: field required" }),
    undefined,
  );
  assert.equal(
    await heal(body, { kind: "capacity", reason: "Invalid `signature` in `thinking` block" }),
    undefined,
  );
  assert.equal(await heal('{"messages":[{"role":"user","content":"a"}]}'), undefined);
  assert.equal(await heal("no JSON"), undefined);
});

test("a coded body goes on without its coding", async () => {
  const plain = Buffer.from(`{"messages":[{"role":"assistant","content":[${thinking}]}]}`);
  const call = makeCall({
    body: gzipSync(plain),
    decodedBody: plain,
    headers: ["content-encoding", "gzip", "x", "y"],
  });
  const healed = (await healSignatures(call, refused, nobody))!;
  assert.deepEqual(healed.headers, ["x", "y"]);
  assert.equal(wholeBody(healed.body!).toString(), '{"messages":[]}');
});

const text = '{"type":"text","text":"a"}';
const own = '{"type":"thinking","thinking":"b","signature":"EqQBCkYIBxgCKkB="}';
const sealed = '{"type":"redacted_thinking","data":"EmwKAhgBEgy3"}';
const unsigned = '{"type":"thinking","thinking":"b","signature":""}';
const turn = (...blocks: string[]) =>
  `{"messages":[{"role":"assistant","content":[${[...blocks, text].join(",")}]}]}`;

test("of unknown origin, what does not look like Anthropic's own goes; where all of it does, all goes", async () => {
  assert.equal(await heal(turn(own, thinking, unsigned, sealed)), turn(own, sealed));
  const bound: Failure = { ...refused, reason: "thinking is bound to a different conversation" };
  assert.equal(await heal(turn(own, sealed), bound), turn());
});

test("what another account has made goes, whatever it looks like, and what this one has made stays", async () => {
  const isElsewhere = (elsewhere: string[], here: string[]) => async (seal: string) =>
    elsewhere.includes(seal) ? true : here.includes(seal) ? false : undefined;
  const [ownSeal, sealedSeal] = ["EqQBCkYIBxgCKkB=", "EmwKAhgBEgy3"];
  assert.equal(await heal(turn(own, sealed), refused, isElsewhere([ownSeal], [sealedSeal])), turn(sealed));
  assert.equal(await heal(turn(own, thinking), refused, isElsewhere([ownSeal], ["x"])), turn(thinking));
  // Where nothing is known to come from elsewhere, only what may do so.
  assert.equal(await heal(turn(own, sealed), refused, isElsewhere([], [ownSeal])), turn(own));
  assert.equal(await heal(turn(own, sealed), refused, isElsewhere([], [ownSeal, sealedSeal])), undefined);
});
