import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { proxyInTheWay, withoutProxy } from "../../src/clients/proxy-variables.ts";
import { findConflicts } from "../../src/clients/variables.ts";

describe("conflicting variables", () => {
  it("are those that are set and not empty, in the order of the table", () => {
    const env = { CLAUDE_CODE_USE_VERTEX: "1", ANTHROPIC_API_KEY: "k", CLAUDE_CODE_OAUTH_TOKEN: "" };
    assert.deepEqual(
      findConflicts("claude", env).map(({ name }) => name),
      ["ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_VERTEX"],
    );
    assert.deepEqual(findConflicts("codex", env), []);
  });
});

describe("a proxy", () => {
  const cases: [Record<string, string>, string, string | undefined][] = [
    [{}, "127.0.0.1", undefined],
    [{ HTTP_PROXY: "http://p" }, "127.0.0.1", "HTTP_PROXY"],
    [{ https_proxy: "http://p" }, "127.0.0.1", "https_proxy"],
    [{ HTTP_PROXY: "http://p", NO_PROXY: "localhost,127.0.0.1" }, "127.0.0.1", undefined],
    [{ HTTP_PROXY: "http://p", no_proxy: "localhost 127.0.0.1" }, "127.0.0.1", undefined],
    [{ HTTP_PROXY: "http://p", NO_PROXY: "localhost" }, "127.0.0.1", "HTTP_PROXY"],
    [{ HTTP_PROXY: "http://p", NO_PROXY: "*" }, "127.0.0.1", undefined],
    [{ HTTP_PROXY: "http://p", NO_PROXY: "127.0.0.1:3000" }, "127.0.0.1", undefined],
    [{ HTTP_PROXY: "http://p", NO_PROXY: "::1" }, "::1", undefined],
    [{ HTTP_PROXY: "http://p", NO_PROXY: "[::1]:3000" }, "::1", undefined],
    [{ HTTP_PROXY: "http://p", NO_PROXY: ".example.org" }, "relay.example.org", undefined],
    [{ HTTP_PROXY: "http://p", NO_PROXY: "ample.org" }, "relay.example.org", "HTTP_PROXY"],
    [{ HTTP_PROXY: "", NO_PROXY: "" }, "127.0.0.1", undefined],
  ];
  for (const [env, host, expected] of cases) {
    it(`${expected ?? "nothing"} is in the way of ${host} with ${JSON.stringify(env)}`, () => {
      assert.equal(proxyInTheWay(host, env), expected);
    });
  }

  it("is kept away in both spellings, and exceptions of before stay", () => {
    assert.deepEqual(withoutProxy("127.0.0.1", { no_proxy: "intranet" }), {
      NO_PROXY: "intranet,127.0.0.1",
      no_proxy: "intranet,127.0.0.1",
    });
    assert.equal(withoutProxy("::1", {}).NO_PROXY, "::1");
  });
});
