// The shared suite over Gemini on API keys, and what only Google's clients do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { cases } from "./cases.ts";
import { testDialect } from "./every-dialect.ts";

testDialect(cases.gemini);

test("a key in the query goes to no provider but in pass-through, where it is the client's own", async (t) => {
  const { relay, upstream } = await setStage(t, { type: "gemini-api" });
  const { path, ...request } = cases.gemini.request({ stream: false });
  const ask = () => send(relay.url, { ...request, path: `${path}?fields=a&key=own-key-1&x=%20` });
  assert.equal((await ask()).status, 200);
  await relay.reconfigure((config) => ({
    ...config,
    accounts: [],
    upstream: {
      ...config.upstream,
      providerUrls: { ...config.upstream.providerUrls, gemini: upstream.url },
    },
  }));
  assert.equal((await ask()).header("x-cc-relay-account"), "passthrough");
  const queries = upstream.requests.map(({ url }) => url.slice(url.indexOf("?")));
  assert.deepEqual(queries, ["?fields=a&x=%20", "?fields=a&key=own-key-1&x=%20"]);
});
