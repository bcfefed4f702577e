// What changes a large body leaves its bytes where they are: to copy 60 MB at once would hold everybody up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Body, bodyBytes, type Call, wholeBody } from "../../src/domain/call.ts";
import type { Failure } from "../../src/domain/failure.ts";
import { callsFor } from "../../src/relay/model-chain.ts";
import { withModel } from "../../src/relay/replace-model.ts";
import { healSignatures } from "../../src/upstreams/claude-thinking.ts";
import { internalRequest, readPublicMethod, wrapRequest } from "../../src/upstreams/code-assist-request.ts";
import { findRefusedContent } from "../../src/upstreams/content-kinds.ts";
import { geminiCall, makeCall } from "../upstreams/make-call.ts";

const mebi = 1024 * 1024;
const long = "x".repeat(mebi);

/** How many of the bytes are not in the memory of the body that came. */
function copiedBytes(body: Body | undefined, { buffer }: Buffer): number {
  assert.ok(Array.isArray(body));
  return bodyBytes(body.filter((piece: Buffer) => piece.buffer !== buffer));
}

const textOf = ({ body }: Pick<Call, "body">) => wholeBody(body ?? []).toString();

test("a model's name that is replaced twice takes no copy of the body", () => {
  const text = (model: string) => `{"a":"${long}","model":"${model}","b":"${long}"}`;
  const came = Buffer.from(text("alias"));
  const once = withModel(makeCall({ body: came, model: "alias" }), "claude-opus-5-5");
  const twice = withModel(once, "glm-5");
  assert.equal(textOf(once), text("claude-opus-5-5"));
  assert.equal(textOf(twice), text("glm-5"));
  assert.equal(copiedBytes(twice.body, came), '"glm-5"'.length);
});

test("a chain of models looks for the name in the body once", () => {
  const call = makeCall({ body: Buffer.from('{"model":"alias"}'), model: "alias" });
  const models = [{ pattern: "alias", targets: ["a", "alias", "b"] }];
  const calls = callsFor(call, {}, { models, accounts: [] });
  assert.deepEqual(calls.map(textOf), ['{"model":"a"}', '{"model":"alias"}', '{"model":"b"}']);
  const [first, ...others] = calls.map(({ asked }) => asked);
  assert.ok(first);
  for (const each of others) assert.equal(each, first);
});

test("thinking goes out of a request whose model's name was replaced, and the name stays", async () => {
  const refused: Failure = {
    kind: "rejected",
    status: 400,
    reason: "Invalid `signature` in `thinking` block",
  };
  const thinking = '{"type":"thinking","thinking":"a","signature":"x"}';
  const said = '{"type":"text","text":"b"}';
  const text = (model: string, content: string) =>
    `{"model":"${model}","messages":[{"role":"assistant","content":[${content}]}]}`;
  const call = makeCall({ body: Buffer.from(text("alias", `${thinking},${said}`)), model: "alias" });
  const healed = await healSignatures(withModel(call, "glm-5"), refused, async () => undefined);
  assert.equal(healed && textOf(healed), text("glm-5", said));
});

test("what is put around a request to Code Assist, and into it, takes no copy of the body", () => {
  const came = Buffer.from(`{"model":"m","contents":[{"role":"user","parts":[{"text":"${long}"}]}]}`);
  const target = {
    apiUrl: "https://h.example",
    credential: { kind: "bearer", token: "t", extras: { project: "p" } },
  } as const;
  const call = geminiCall({ body: came, sessionKey: "s" });
  const wrapped = wrapRequest(call, readPublicMethod(call.path) ?? assert.fail(), target).body;
  assert.ok(copiedBytes(wrapped, came) < 1000);
  JSON.parse(wholeBody(wrapped ?? []).toString());
  const own = internalRequest({ ...call, path: "/v1internal:generateContent" }, target).body;
  assert.ok(copiedBytes(own, came) < 1000);
  assert.equal((JSON.parse(wholeBody(own ?? []).toString()) as { project?: unknown }).project, "p");
});

test("what a host refuses is looked for in the first 8 MB", () => {
  const image = '{"type":"image","source":{}}';
  const behind = (megabytes: number) => Buffer.from(`[{"text":"${long.repeat(megabytes)}"},${image}]`);
  assert.equal(findRefusedContent(behind(7), ["image"]), "image");
  assert.equal(findRefusedContent(behind(9), ["image"]), undefined);
});

test("Code Assist's own call has the model that took the place of the client's, and the account's project", () => {
  const body = Buffer.from('{"model":"gemini-2.5-pro","project":"theirs","request":{"contents":[]}}');
  const call = geminiCall({ path: "/v1internal:generateContent", body, model: "gemini-2.5-pro" });
  const credential = { kind: "bearer", token: "t", extras: { project: "mine" } } as const;
  const target = { apiUrl: "https://h.example", credential };
  for (const renamed of [withModel(call, "flash"), withModel(withModel(call, "lite"), "flash")]) {
    const sent = internalRequest(renamed, target).body;
    assert.equal(
      wholeBody(sent ?? []).toString(),
      '{"model":"flash","project":"mine","request":{"contents":[]}}',
    );
  }
});
