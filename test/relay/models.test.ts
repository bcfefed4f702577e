// GET models: what the accounts' providers list, in one list and in time.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { claudeModelList } from "../../src/demo/provider/claude.ts";
import { geminiModelList } from "../../src/demo/provider/gemini.ts";
import { openaiModelList } from "../../src/demo/provider/openai.ts";
import type { AccountType } from "../../src/domain/family.ts";
import type { RecordedRequest } from "../support/behaviour.ts";
import { claudeFailures, claudeModels } from "../support/claude-script.ts";
import { begin, send } from "../support/client.ts";
import { createManualTime } from "../support/manual-time.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { soon, turns, until } from "../support/until.ts";

interface Family {
  type: AccountType;
  path: string;
  list(ids: readonly string[]): unknown;
  idsOf(document: unknown): string[];
}

interface Listed {
  data?: { id: string }[];
  models?: { name: string }[];
}

const families: Record<string, Family> = {
  Claude: {
    type: "claude-api",
    path: "/v1/models",
    list: claudeModelList,
    idsOf: (document) => (document as Listed).data!.map(({ id }) => id),
  },
  Gemini: {
    type: "gemini-api",
    path: "/gemini/v1beta/models",
    list: geminiModelList,
    idsOf: (document) => (document as Listed).models!.map(({ name }) => name.replace("models/", "")),
  },
  OpenAI: {
    type: "openai-responses",
    path: "/openai/v1/models",
    list: openaiModelList,
    idsOf: (document) => (document as Listed).data!.map(({ id }) => id),
  },
};

// All at once they would slow each other down beyond the two seconds that a list may take.
describe("models", { concurrency: 4 }, () => {
  for (const [name, { type, path, list, idsOf }] of Object.entries(families)) {
    const stageOf = (t: TestContext): Promise<Stage> => setStage(t, { type });

    test(`${name}: the lists of all accounts come as one, each model once, with the client's credential nowhere`, async (t) => {
      const { upstream, relay } = await stageOf(t);
      upstream.on("key-of-first", { body: list(["one", "both"]) });
      upstream.on("key-of-second", { body: list(["both", "two"]) });
      const answer = await send(relay.url, { path, headers: ["authorization", "Bearer of-the-client"] });
      assert.equal(answer.status, 200);
      assert.match(answer.header("content-type")!, /^application\/json/);
      assert.deepEqual(idsOf(answer.json()), ["one", "both", "two"]);
      assert.deepEqual(upstream.requests.map(({ credential }) => credential).sort(), [
        "key-of-first",
        "key-of-second",
      ]);
    });

    test(`${name}: an account that hangs is left out in time for clients that wait three seconds, and delays nobody again`, async (t) => {
      const time = createManualTime();
      const { upstream, relay } = await setStage(t, { type, ...time });
      upstream.on("key-of-first", { body: list(["one"]) });
      upstream.queue("key-of-second", { hang: true });
      upstream.on("key-of-second", { body: list(["two"]) });
      const asked = send(relay.url, { path });
      await upstream.received(2);
      const hasAnswered = ({ credential, closedAt }: RecordedRequest) =>
        credential === "key-of-first" && closedAt !== undefined;
      await until("the first account has answered", () => upstream.requests.some(hasAnswered));
      await turns();
      time.advance(2500);
      assert.deepEqual(idsOf((await asked).json()), ["one"]);
      // No more time passes.
      assert.deepEqual(idsOf((await send(relay.url, { path })).json()), ["one"]);
    });

    test(`${name}: a whole list is kept for a while, and the last one shown when no provider answers`, async (t) => {
      const clock = { now: Date.now() };
      const { upstream, relay } = await setStage(t, { type, now: () => clock.now });
      upstream.on(() => true, { body: list(["one"]) });
      for (let asked = 0; asked < 5; asked++) await send(relay.url, { path });
      assert.equal(upstream.requests.length, 2);
      clock.now += 3_600_000;
      upstream.on(() => true, { breakOff: { when: "before-headers", how: "rst" } });
      assert.deepEqual(idsOf((await send(relay.url, { path })).json()), ["one"]);
      assert.ok(upstream.requests.length >= 4);
    });

    test(`${name}: when nothing was ever listed that is said, and no model is made up`, async (t) => {
      const time = createManualTime();
      const { upstream, relay } = await setStage(t, { type, ...time });
      for (const behaviour of [{ status: 500, body: {} }, { body: "<html>" }, { body: { unknown: [] } }]) {
        upstream.on(() => true, behaviour);
        const answer = await send(relay.url, { path });
        assert.equal(answer.header("x-cc-relay-error"), "upstream_unreachable", answer.text);
        assert.match(answer.text, /No account got a list of models from its provider; check the accounts/);
      }
      upstream.queue(() => true, { body: list([]) }, { body: list([]) });
      assert.deepEqual(idsOf((await send(relay.url, { path })).json()), []);
      await relay.app.reload();
      upstream.on(() => true, { hang: true });
      const asked = upstream.requests.length;
      const answer = send(relay.url, { path });
      await soon(() => upstream.requests.length === asked + 2);
      await turns();
      time.advance(2500);
      const late = await answer;
      assert.equal(late.header("x-cc-relay-error"), "upstream_timeout", late.text);
    });
  }

  test("an account that a provider refuses does not spoil the list, nor does the list blame it", async (t) => {
    const { upstream, relay } = await setStage(t);
    upstream.on("key-of-first", claudeFailures.unauthorized());
    const answer = await send(relay.url, { path: "/v1/models" });
    assert.deepEqual(families.Claude!.idsOf(answer.json()), claudeModels);
    assert.deepEqual(await relay.store.accounts.cooldowns(), []);
  });

  test("accounts in cooldown and disabled ones are not asked", async (t) => {
    const { upstream, relay } = await setStage(t, {
      ids: ["first", "second", "third"],
      accounts: (account) => ({ ...account, enabled: account.id !== "third" }),
    });
    upstream.queue("key-of-first", claudeFailures.windowRejected("5h", Date.now() + 7_200_000));
    await send(relay.url, { path: "/v1/messages", body: { model: "claude-opus-5-5", messages: [] } });
    const asked = upstream.requests.length;
    assert.equal((await send(relay.url, { path: "/v1/models" })).status, 200);
    assert.deepEqual(
      upstream.requests.slice(asked).map(({ credential }) => credential),
      ["key-of-second"],
    );
  });

  test("a client that leaves while models are listed ends the providers' requests", async (t) => {
    const { upstream, relay } = await setStage(t);
    upstream.on(() => true, { hang: true });
    const asked = begin(relay.url, { path: "/v1/models" });
    await upstream.received(2);
    asked.abort();
    await until("both are closed", () => upstream.requests.every(({ aborted }) => aborted));
  });

  test("a compressed list is not asked for, and the client's paging is not passed on", async (t) => {
    const { upstream, relay } = await setStage(t, { ids: ["first"] });
    await send(relay.url, { path: "/v1/models?limit=2&after_id=x", headers: ["accept-encoding", "gzip"] });
    assert.equal(upstream.requests[0]!.headers["accept-encoding"], "identity");
    assert.equal(upstream.requests[0]!.query.get("after_id"), null);
  });

  test("one model is asked of the next account when the first cannot answer, and its bytes pass through", async (t) => {
    const { upstream, relay, servedBy } = await setStage(t);
    for (const behaviour of [
      claudeFailures.serverError(500),
      claudeFailures.unauthorized(),
      claudeFailures.modelMissing("claude-opus-5-5"),
    ]) {
      upstream.queue("key-of-first", behaviour);
      const answer = await send(relay.url, { path: "/v1/models/claude-opus-5-5" });
      assert.equal(answer.status, 200, answer.text);
      assert.equal((answer.json() as { id: string }).id, "claude-opus-5-5");
      await relay.store.accounts.clearCooldowns("first");
      await until("The rest is over", async () => (await relay.store.accounts.cooldowns()).length === 0);
    }
    assert.ok(servedBy().length >= 5);
  });

  test("a model that no account has is the provider's own not-found answer, after one other account was asked", async (t) => {
    const { relay, servedBy } = await setStage(t, { ids: ["first", "second", "third"] });
    const answer = await send(relay.url, { path: "/v1/models/claude-nothing" });
    assert.equal(answer.status, 404);
    assert.equal(answer.header("x-cc-relay-error"), undefined);
    assert.match(answer.text, /model: claude-nothing/);
    assert.deepEqual(servedBy(), ["first", "second"]);
  });

  test("a model that only the second account has is served there, and the first is not blamed", async (t) => {
    const { upstream, relay, servedBy } = await setStage(t);
    const body = { model: "claude-new", max_tokens: 5, messages: [{ role: "user", content: "hi" }] };
    upstream.on(
      { credential: "key-of-first", model: "claude-new" },
      claudeFailures.modelMissing("claude-new"),
    );
    const answer = await send(relay.url, { path: "/v1/messages", body });
    assert.equal(answer.header("x-cc-relay-account"), "second");
    assert.deepEqual(await relay.store.accounts.cooldowns(), []);
    const messages = [{ role: "user", content: "another session" }];
    const old = { path: "/v1/messages", body: { ...body, messages, model: "claude-opus-5-5" } };
    const other = await send(relay.url, old);
    assert.equal(other.header("x-cc-relay-account"), "first");
    assert.deepEqual(servedBy(), ["first", "second", "first"]);
  });

  test("an account limited to some models serves no others", async (t) => {
    const { relay } = await setStage(t, {
      accounts: (account) => (account.id === "first" ? { ...account, models: ["*OPUS*"] } : account),
    });
    const ask = async (model: string) => {
      const body = { model, max_tokens: 5, messages: [{ role: "user", content: model }] };
      return (await send(relay.url, { path: "/v1/messages", body })).header("x-cc-relay-account");
    };
    assert.equal(await ask("claude-opus-5-5"), "first");
    assert.equal(await ask("claude-haiku-5-5"), "second");
  });
});
