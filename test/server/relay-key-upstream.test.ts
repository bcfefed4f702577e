// The relay's keys and cookies never reach a provider, wherever in headers and query they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dialectCases } from "../relay/cases.ts";
import { send } from "../support/client.ts";
import { startRelay, testAccount } from "../support/relay.ts";
import { startUpstream } from "../support/upstream.ts";

const old = "relay-key-of-before";
const key = "relay-key-of-now";

const everywhere = (value: string) => [
  ...["x-cc-relay-key", key, "Authorization", `Bearer ${value}`, "x-api-key", value, "x-goog-api-key", value],
  ...["api-key", value, "X-Custom-Auth", `Token ${value}`, "Cookie", `session=1; key=${value}`],
];

for (const dialect of dialectCases.filter(({ login }) => login === undefined)) {
  test(`${dialect.name}: no key of the relay's, present or past, and no cookie goes upstream`, async (t) => {
    const upstream = await startUpstream({ family: dialect.family });
    t.after(() => upstream.close());
    const relay = await startRelay({
      accounts: [testAccount("a", dialect.type, upstream.url)],
      configure: (config) => ({ ...config, apiKeys: [{ name: "laptop", key: old }] }),
    });
    t.after(() => relay.close());
    await relay.reconfigure((config) => ({ ...config, apiKeys: [{ name: "laptop", key }] }));
    const request = dialect.request();
    const joint = request.path.includes("?") ? "&" : "?";
    for (const value of [old, key]) {
      const answer = await send(relay.url, {
        ...request,
        path: `${request.path}${joint}api_key=${value}&key=${value}&x=1`,
        headers: [...(request.headers ?? []), ...everywhere(value)],
      });
      assert.equal(answer.status, 200, answer.text);
      const { url, rawHeaders } = upstream.requests.at(-1)!;
      assert.doesNotMatch(`${url}\n${rawHeaders.join("\n")}`, /relay-key|cookie/i);
    }
  });
}

test("x-cc-relay-key is read first: beside it the other places may hold anything", async (t) => {
  const relay = await startRelay({
    configure: (config) => ({ ...config, apiKeys: [{ name: "laptop", key }] }),
  });
  t.after(() => relay.close());
  const headers = ["x-cc-relay-key", key, "authorization", "Bearer sk-ant-oat01-own-login"];
  assert.equal((await send(relay.url, { path: "/", headers })).status, 200);
});

test("without keys a client's own credential still goes through, and a key of before does not", async (t) => {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const relay = await startRelay({
    configure: (config) => ({
      ...config,
      apiKeys: [{ name: "laptop", key: old }],
      upstream: {
        ...config.upstream,
        providerUrls: { ...config.upstream.providerUrls, claude: upstream.url },
      },
    }),
  });
  t.after(() => relay.close());
  await relay.reconfigure((config) => ({ ...config, apiKeys: [] }));
  const request = dialectCases[0]!.request();
  const ask = (value: string) =>
    send(relay.url, { ...request, headers: [...(request.headers ?? []), "x-api-key", value] });
  await ask("sk-ant-own");
  await ask(old);
  assert.deepEqual(
    upstream.requests.map(({ headers }) => headers["x-api-key"]),
    ["sk-ant-own", undefined],
  );
});
