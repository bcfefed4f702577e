// What `/status` says of a request's cost and use is what the database says of it.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { requestTabs } from "../../src/cli/requests/columns.ts";
import { toRequestDocument } from "../../src/documents/request.ts";
import type { StatusDocument } from "../../src/documents/types.ts";
import { type ClientRequest, send } from "../support/client.ts";
import { startRelay, testAccount } from "../support/relay.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";

async function ask(t: TestContext, request: ClientRequest) {
  const upstream = await startUpstream();
  const relay = await startRelay({
    accounts: [
      testAccount("claude", "claude-api", upstream.url),
      testAccount("glm", "claude-api", upstream.url, { modelMap: [{ pattern: "*", model: "glm-5.2" }] }),
      testAccount("openai", "openai-responses", upstream.url),
    ],
    configure: (config) => ({ ...config, models: [{ pattern: "best", targets: ["claude-haiku-4-5"] }] }),
  });
  t.after(() => Promise.all([relay.close(), upstream.close()]));
  const { status, text } = await send(relay.url, request);
  assert.equal(status, 200, text);
  // Asked before its end is known, the account's sums would be read from the database, and have it twice.
  await until("the request is at its end", () => relay.log.some(({ message }) => message === "request"));
  const { recent, today, accounts } = (await (await fetch(`${relay.url}/status`)).json()) as StatusDocument;
  const stored = (await relay.store.requests.last({ limit: 1 })).map(toRequestDocument);
  return { recent, stored, today, accounts, log: relay.log };
}

const messages = (model: string, ...headers: string[]): ClientRequest => ({
  path: "/v1/messages",
  headers,
  body: { model, max_tokens: 9, messages: [{ role: "user", content: "hi" }] },
});

const requests: Record<string, ClientRequest> = {
  "with its own model": messages("claude-opus-5-5"),
  "with a model that [models] puts in the place of another": messages("best"),
  "with a model of a compatible host's that has no price": messages(
    "claude-opus-5-5",
    "x-cc-relay-account",
    "glm",
  ),
  "whose use nobody reports": {
    path: "/v1/chat/completions",
    body: { model: "gpt-5", stream: true, messages: [{ role: "user", content: "hi" }] },
  },
};

for (const [what, request] of Object.entries(requests))
  test(`a request ${what} costs the same in /status as in the database`, async (t) => {
    const { recent, stored, today, accounts } = await ask(t, request);
    assert.deepEqual(recent.map(withoutTimes), stored.map(withoutTimes));
    const [{ account, cost_usd }] = stored as [StatusDocument["recent"][number]];
    assert.equal(today.cost_usd, cost_usd);
    assert.equal(accounts.find(({ id }) => id === account)?.cost_usd_24h, cost_usd);
  });

test("a request whose use nobody reports has no figures anywhere, and not those of one that used nothing", async (t) => {
  const { recent, log } = await ask(t, requests["whose use nobody reports"]!);
  const [request] = recent as [StatusDocument["recent"][number]];
  assert.equal(request.tokens, null);
  assert.match(requestTabs(request), /\tcomplete\t\d+\t\d+\tunknown\tunknown$/);
  const { fields } = log.find(({ message }) => message === "request")!;
  assert.deepEqual([fields.outcome, "input" in fields, "output" in fields], ["complete", false, false]);
});

/** Of an answer's end each has its own moment. */
function withoutTimes(request: StatusDocument["recent"][number]): object {
  return { ...request, first_byte_ms: null, total_ms: null };
}
