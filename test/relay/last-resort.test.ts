// Compatible upstreams as a last resort: when they serve, under what name, and how a session leaves its sticky account and returns.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { AccountConfig } from "../../src/config/config.ts";
import { claudeError, claudeFailures } from "../support/claude-script.ts";
import { type ClientRequest, send } from "../support/client.ts";
import {
  asDeepSeek,
  asGlm,
  asOllama,
  checkSignatures,
  deepSeekUnpaid,
  glmLimit,
  thinkingSigned,
} from "../support/compatible-script.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

const minute = 60_000;
const hour = 60 * minute;
const modelMap = [
  { pattern: "*haiku*", model: "glm-4.5-air" },
  { pattern: "claude-*", model: "glm-5.2" },
];

type Content = string | object[];
const user = (content: Content) => ({ role: "user", content });
const assistant = (content: Content) => ({ role: "assistant", content });
const toolUse = { type: "tool_use", id: "call_00_a", name: "Bash", input: {} };
const toolResult = { type: "tool_result", tool_use_id: "call_00_a", content: "done" };

function ask(
  messages: object[],
  more: { model?: string; headers?: string[]; path?: string } = {},
): ClientRequest {
  const { model = "claude-opus-5-5", headers = [], path = "/v1/messages" } = more;
  return {
    path,
    headers: ["x-claude-code-session-id", "s", ...headers],
    body: { model, stream: path === "/v1/messages", max_tokens: 9, messages },
  };
}

describe("a last resort", () => {
  let plan: ScriptedUpstream;
  let host: ScriptedUpstream;
  let relay: TestRelay | undefined;
  let now: number;

  before(async () => {
    plan = await startUpstream({ family: "claude" });
    host = await startUpstream({ family: "claude" });
  });
  afterEach(async () => {
    await relay?.close();
    relay = undefined;
    plan.reset();
    host.reset();
  });
  after(() => Promise.all([plan.close(), host.close()]));

  async function start(
    last: Partial<AccountConfig> = {},
    others = [testAccount("plan", "claude-api", plan.url)],
  ) {
    now = Date.now();
    const glm = testAccount("glm", "claude-api", host.url, {
      priority: 900,
      onlyWhenOut: true,
      modelMap,
      ...last,
    });
    relay = await startRelay({ accounts: [...others, glm], now: () => now });
    return relay.url;
  }
  const limited = (ms: number) => claudeFailures.windowRejected("5h", now + ms, now);
  const accountOf = async (url: string, request: ClientRequest) => {
    const answer = await send(url, request);
    return answer.header("x-cc-relay-account") ?? `${answer.status} ${answer.header("x-cc-relay-error")}`;
  };

  test("serves nothing while another account can, whatever its priority", async () => {
    const url = await start();
    for (let turn = 0; turn < 3; turn++) assert.equal(await accountOf(url, ask([user("hi")])), "plan");
    assert.equal(host.requests.length, 0);
  });

  test("takes over when every other one is out for long, under its own name, and says so everywhere", async () => {
    asGlm(host);
    const url = await start();
    plan.on({}, limited(hour));
    const answer = await send(url, ask([user("hi")]));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.header("x-cc-relay-account"), "glm");
    assert.equal(answer.header("x-cc-relay-model"), "glm-5.2");
    const sent = JSON.stringify(ask([user("hi")]).body).replace("claude-opus-5-5", "glm-5.2");
    assert.equal(host.requests[0]?.body.toString(), sent);
    const line = relay?.log.find(({ message }) => message === "request");
    assert.deepEqual(
      [line?.fields.account, line?.fields.model, line?.fields.sent_model],
      ["glm", "claude-opus-5-5", "glm-5.2"],
    );
    const { rows } = await relay!.store.usage.summarize({ since: 0, until: now + hour, by: "model" });
    assert.deepEqual(
      rows.map(({ key, sentModel, tokens }) => [
        key,
        sentModel,
        tokens.input,
        tokens.cacheRead,
        tokens.output,
      ]),
      [["claude-opus-5-5", "glm-5.2", 21, 400, 9]],
    );
  });

  const shortOutages = [
    ["a limit of less than foreign_after_seconds", () => limited(4 * minute), "429 all_limited"],
    ["an overload", () => claudeFailures.overloaded(), "plan"],
    ["a fault", () => claudeFailures.serverError(500), "plan"],
  ] as const;
  for (const [name, outage, expected] of shortOutages) {
    test(`is not there for ${name}`, async () => {
      const url = await start();
      plan.on({}, outage());
      assert.equal(await accountOf(url, ask([user("hi")])), expected);
      assert.equal(host.requests.length, 0);
    });
  }

  test("serves at once where it is the only account, what its models name alone, and what names it", async () => {
    const only = await start({}, []);
    assert.equal(await accountOf(only, ask([user("hi")])), "glm");
    await relay?.close();
    const url = await start({ models: ["glm-*", "claude-*"], modelMap: undefined }, [
      testAccount("plan", "claude-api", plan.url, { models: ["claude-*"] }),
    ]);
    assert.equal(await accountOf(url, ask([user("hi")], { model: "glm-5.2" })), "glm");
    assert.equal(await accountOf(url, ask([user("hi")])), "plan");
    const pinned = ask([user("hi")], { headers: ["x-cc-relay-account", "glm"] });
    assert.equal(await accountOf(url, pinned), "glm");
  });

  test("does not serve a model for which its map has no name", async () => {
    const url = await start();
    plan.on({}, limited(hour));
    assert.equal(await accountOf(url, ask([user("hi")], { model: "other" })), "429 all_limited");
    assert.equal(host.requests.length, 0);
  });

  test("keeps a session through a loop of tools, and lets it go home at the beginning of a turn", async () => {
    const url = await start();
    assert.equal(await accountOf(url, ask([user("one")])), "plan");
    plan.queue({}, limited(10 * minute));
    // In the middle of a loop: the client would otherwise get the 429.
    const loop = [user("one"), assistant([toolUse]), user([toolResult])];
    assert.equal(await accountOf(url, ask(loop)), "glm");
    now += 11 * minute;
    assert.equal(await accountOf(url, ask([...loop, assistant([toolUse]), user([toolResult])])), "glm");
    assert.equal(await accountOf(url, ask([...loop, assistant("done"), user("next")])), "plan");
    assert.equal(await accountOf(url, ask([...loop, assistant([toolUse]), user([toolResult])])), "plan");
  });

  test("gives a session that began there to the first account that is back, for good", async () => {
    const url = await start();
    plan.queue({}, limited(10 * minute));
    const loop = [user("one"), assistant([toolUse]), user([toolResult])];
    assert.equal(await accountOf(url, ask([user("one")])), "glm");
    now += 11 * minute;
    assert.equal(await accountOf(url, ask(loop)), "glm");
    assert.equal(await accountOf(url, ask([...loop, assistant("done"), user("next")])), "plan");
    assert.equal(await accountOf(url, ask([...loop, assistant([toolUse]), user([toolResult])])), "plan");
  });

  test("is left out of what is too large for it or holds what it refuses, and the answer says why", async () => {
    asDeepSeek(host);
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AA" } };
    const url = await start({ refuses: ["image"], contextWindow: 2000 });
    plan.on({}, limited(hour));
    const withImage = await send(url, ask([user([image])]));
    assert.equal(withImage.status, 429);
    assert.match(withImage.text, /glm does not take image content/);
    const large = await send(url, ask([user("x".repeat(7000))]));
    assert.match(large.text, /glm has a context_window that is too small/);
    assert.equal(host.requests.length, 0);
    const quoted = ask([user(JSON.stringify([image]))]);
    assert.equal(await accountOf(url, quoted), "glm");
  });

  for (const status of [404, 405, 501])
    test(`that answers ${status} to counting is not asked again for a day, and the client counts by itself`, async () => {
      asOllama(host);
      host.on({ path: /count_tokens$/ }, { status, body: "" });
      const url = await start({}, []);
      const count = ask([user("hi")], { path: "/v1/messages/count_tokens" });
      for (let time = 0; time < 2; time++) {
        const answer = await send(url, count);
        assert.equal(answer.status, 404);
        assert.match(answer.text, /"type":"not_found_error"/);
      }
      assert.equal(host.requests.length, 1);
      assert.equal(await accountOf(url, ask([user("hi")])), "glm");
      now += 25 * hour;
      await send(url, count);
      assert.equal(host.requests.length, 3);
    });

  test("that is said not to count tokens is not asked to, and the client counts by itself", async () => {
    const url = await start({ refuses: ["count_tokens"] }, []);
    const answer = await send(url, ask([user("hi")], { path: "/v1/messages/count_tokens" }));
    assert.equal(answer.status, 404);
    assert.match(answer.text, /"type":"not_found_error"/);
    assert.equal(host.requests.length, 0);
    assert.equal(await accountOf(url, ask([user("hi")])), "glm");
  });

  test("keeps its limits and unpaid bills to itself, whatever their text", async () => {
    const url = await start();
    plan.on({}, limited(6 * hour));
    const beijing = (at: number) => new Date(at + 8 * hour).toISOString().slice(0, 19).replace("T", " ");
    host.queue({}, glmLimit(beijing(now + hour)));
    const limit = await send(url, ask([user("hi")]));
    assert.equal(limit.status, 429);
    assert.ok(Math.abs(Number(limit.header("retry-after")) - 3600) < 5, limit.header("retry-after"));
    now += 2 * hour;
    host.queue({}, deepSeekUnpaid);
    assert.equal(await accountOf(url, ask([user("hi")])), "429 all_limited");
    const states = (await relay!.store.accounts.cooldowns()).filter(({ accountId }) => accountId === "glm");
    assert.deepEqual(
      states.map(({ kind, reason }) => [kind, reason]),
      [["account-out", "Insufficient Balance"]],
    );
  });

  test("that limits without a word of how long puts it in cooldown for a minute, then longer, a quarter of an hour at most", async () => {
    const url = await start();
    plan.on({}, limited(60 * hour));
    host.on({}, claudeFailures.bare429());
    const minutes: number[] = [];
    for (let time = 0; time < 6; time++) {
      const answer = await send(url, ask([user("hi")]));
      assert.equal(answer.status, 429);
      minutes.push(Number(answer.header("retry-after")) / 60);
      now += 16 * minute;
    }
    assert.deepEqual(minutes, [1, 2, 4, 8, 15, 15]);
  });

  test("gets neither the client's own credential nor its cookies nor the name of its workspace", async () => {
    const url = await start();
    plan.on({}, limited(hour));
    const own = ["authorization", "Bearer sk-ant-oat01-mine", "cookie", "session=mine"];
    const headers = [...own, "anthropic-workspace-id", "wrkspc_mine", "anthropic-beta", "some-beta"];
    assert.equal(await accountOf(url, ask([user("hi")], { headers })), "glm");
    const text = host.requests[0]!.rawHeaders.join("\n");
    assert.doesNotMatch(text, /mine|cookie|workspace/i);
    assert.match(text, /some-beta/);
  });

  const thought = (signature: string) => ({ type: "thinking", thinking: "hm", signature });
  const mixed = [
    user("one"),
    assistant([thought("glm-signature"), { type: "text", text: "a" }]),
    user("two"),
    assistant([thought("glm-signature")]),
    user("three"),
  ];

  test("leaves its thinking to the client: the refusal at home is passed on, and blames nobody", async () => {
    const url = await start();
    checkSignatures(plan);
    const answer = await send(url, ask(mixed));
    assert.equal(answer.status, 400);
    assert.match(answer.text, /Invalid `signature` in `thinking` block/);
    assert.equal(await accountOf(url, ask([user("hi")])), "plan");
  });

  test("leaves the thinking of the others in the conversation when its own is taken out", async () => {
    const healSignatures = true;
    const url = await start({}, [testAccount("plan", "claude-api", plan.url, { healSignatures })]);
    checkSignatures(plan);
    const signature = Buffer.from("\u0012signed:x").toString("base64");
    const both = [
      user("one"),
      assistant([thought(signature), { type: "text", text: "a" }]),
      user("two"),
      assistant([thought("glm-signature"), { type: "text", text: "b" }]),
      user("three"),
    ];
    const answer = await send(url, ask(both));
    assert.equal(answer.status, 200, answer.text);
    const [one, first, two, , three] = both;
    const reply = assistant([{ type: "text", text: "b" }]);
    const healed = ask([one!, first!, two!, reply, three!]);
    assert.equal(plan.requests[1]?.body.toString(), JSON.stringify(healed.body));
  });

  for (const where of ["plan", "glm"] as const) {
    test(`leaves its thinking to heal_signatures at ${where}: taken out after the refusal, once, and said`, async () => {
      const healSignatures = true;
      const url = await start(where === "glm" ? { healSignatures } : {}, [
        testAccount("plan", "claude-api", plan.url, where === "plan" ? { healSignatures } : {}),
      ]);
      checkSignatures(plan);
      const answer = await send(url, ask(mixed));
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.header("x-cc-relay-warning"), "thinking dropped");
      assert.equal(plan.requests.length, 2);
      const [one, , two, , three] = mixed;
      const reply = assistant([{ type: "text", text: "a" }]);
      const healed = ask([one!, reply, two!, three!]);
      assert.equal(plan.requests[1]?.body.toString(), JSON.stringify(healed.body));
    });
  }

  /** Looks like Anthropic's own. */
  const sealOf = (name: string) => Buffer.from(`\u0012by-${name}`).toString("base64");
  const refuses = (seal: string) => (request: { body: Buffer }) =>
    request.body.includes(seal)
      ? claudeError(400, { message: "messages.1.content.0: Invalid `signature` in `thinking` block" })
      : thinkingSigned(sealOf("plan"), "from the plan");

  test("has its thinking taken out by its origin, whatever it looks like, also after a restart", async () => {
    const url = await start({ healSignatures: true });
    plan.on({}, refuses(sealOf("glm")));
    host.on({}, thinkingSigned(sealOf("glm"), "from GLM"));
    const first = [user("one")];
    assert.equal(await accountOf(url, ask(first)), "plan");
    plan.queue({}, limited(10 * minute));
    const at = (name: string) => assistant([thought(sealOf(name)), { type: "text", text: "a" }]);
    const second = [...first, at("plan"), user("two")];
    assert.equal(await accountOf(url, ask(second)), "glm");
    now += 11 * minute;
    await relay!.restart();
    const third = [...second, at("glm"), user("three")];
    const before = plan.requests.length;
    const answer = await send(relay!.url, ask(third));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.header("x-cc-relay-account"), "plan");
    const [refused, healed, ...more] = plan.requests.slice(before);
    assert.equal(refused?.body.toString(), JSON.stringify(ask(third).body));
    const bare = assistant([{ type: "text", text: "a" }]);
    assert.equal(healed?.body.toString(), JSON.stringify(ask([...second, bare, user("three")]).body));
    assert.deepEqual(more, []);
  });

  test("is not what a refusal is about in a conversation that never left its account: it is passed on", async () => {
    const url = await start({ healSignatures: true });
    plan.queue({}, thinkingSigned(sealOf("plan"), "from the plan"));
    plan.on({}, refuses(sealOf("plan")));
    assert.equal(await accountOf(url, ask([user("one")])), "plan");
    const own = assistant([thought(sealOf("plan")), { type: "text", text: "a" }]);
    const answer = await send(url, ask([user("one"), own, user("two")]));
    assert.equal(answer.status, 400);
    assert.equal(answer.header("x-cc-relay-warning"), undefined);
    assert.equal(plan.requests.length, 2);
  });
});
