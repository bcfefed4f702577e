import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { findCompatibleHost, offersFor } from "../../src/config/compatible-hosts.ts";
import { findUrlFault, readApiUrl } from "../../src/config/url.ts";
import { createLoginPlace, type LoginPlace } from "./login-support.ts";

let place: LoginPlace;
afterEach(() => place.close());

const terminal = { screen: { isTerminal: true } };
const glm = "claude --compatible --url https://api.z.ai/api/anthropic --model glm-5.2";

describe("an account at a compatible host", () => {
  it("is written from flags and a piped key, without a question", async () => {
    place = await createLoginPlace("");
    const result = await place.login(`${glm} --small-model glm-4.5-air`, { stdin: ["0123.some-key\n"] });
    assert.deepEqual([result.code, result.questions], [0, []]);
    assert.match(
      result.stderr,
      /^✓ glm is added: claude-api, key 012\*\*\*\*, glm-4\.5-air and glm-5\.2 at api\.z\.ai\n/,
    );
    assert.equal(
      place.text(),
      `[[accounts]]
id = "glm"
type = "claude-api"
api_url = "https://api.z.ai/api/anthropic"
model_map = { "*haiku*" = "glm-4.5-air", "*" = "glm-5.2" }
api_key = "0123.some-key"
`,
    );
  });

  it("asks on a terminal for host, models and key", async () => {
    place = await createLoginPlace("");
    const answers = ["DeepSeek", "deepseek-v4-pro", "deepseek-flash", "sk-abc"];
    const { questions, code } = await place.login("claude --compatible", { ...terminal, answers });
    assert.equal(code, 0);
    assert.match(questions[0] ?? "", /^Which host is it\? Z\.ai \(GLM\) \|.* \| another address$/);
    assert.deepEqual(questions.slice(1), [
      "Its model that serves every request",
      "Its model for Claude's small ones (Haiku)",
      "API key of deepseek (from api.deepseek.com)",
    ]);
    assert.match(
      place.text(),
      /^model_map = \{ "\*haiku\*" = "deepseek-flash", "\*" = "deepseek-v4-pro" \}$/m,
    );
    assert.match(place.text(), /^api_key = "sk-abc"$/m);
  });

  it("needs no key where the host asks for none, and has one model for everything", async () => {
    place = await createLoginPlace("");
    const answers = ["Ollama, on this machine", "qwen3-coder", "qwen3-coder"];
    const result = await place.login("claude --compatible", { ...terminal, answers });
    assert.match(
      result.stderr,
      /^✓ ollama is added: claude-api, without a key, qwen3-coder at localhost:11434\n/,
    );
    assert.equal(
      place.text(),
      `[[accounts]]
id = "ollama"
type = "claude-api"
api_url = "http://localhost:11434"
model_map = { "*" = "qwen3-coder" }
`,
    );
  });

  it("at an address that does not say what runs there says all by itself", async () => {
    place = await createLoginPlace("");
    const answers = ["vLLM, on this machine", "none", "served", "served"];
    const { questions, code } = await place.login("claude --compatible", { ...terminal, answers });
    assert.equal(code, 0);
    assert.equal(questions[1], "How is the key sent? none | x-api-key | bearer");
    assert.equal(
      place.text(),
      `[[accounts]]
id = "vllm"
type = "claude-api"
api_url = "http://localhost:8000"
auth = "none"
model_map = { "*" = "served" }
refuses = ["document", "search_result", "server_tools"]
`,
    );
  });

  it("can be at another address, which is asked for until it is one, with the way of its key", async () => {
    place = await createLoginPlace("");
    const answers = ["another address", "vllm", "http://127.0.0.1:8000/v1", "none", "served"];
    const { questions, code } = await place.login("openai --compatible", { ...terminal, answers });
    assert.equal(code, 0);
    assert.deepEqual(questions.slice(1), [
      "Its address, as its guide for Claude Code or Codex gives it",
      "! It is no complete URL",
      "How is the key sent? bearer | x-api-key | none",
      "Its model that serves every request",
    ]);
    assert.equal(
      place.text(),
      `[[accounts]]
id = "compatible"
type = "openai-responses"
api_url = "http://127.0.0.1:8000/v1"
auth = "none"
model_map = { "*" = "served" }
`,
    );
  });

  it("says how the key is sent only where that is not what its host usually wants", async () => {
    place = await createLoginPlace("");
    const at = (url: string, auth: string) => `claude --compatible --url ${url} --model m --auth ${auth}`;
    for (const auth of ["bearer", "x-api-key"])
      await place.login(at("https://openrouter.ai/api", auth), { stdin: ["key"] });
    assert.deepEqual(place.text().match(/^(?:id|auth) = .*$/gm), [
      'id = "openrouter"',
      'id = "openrouter-2"',
      'auth = "x-api-key"',
    ]);
  });

  it("in the own network is reached over plain http after a yes alone", async () => {
    place = await createLoginPlace("");
    const line = "claude --compatible --url http://192.168.1.5:11434 --model m";
    const refused = await place.login(line);
    assert.deepEqual(
      [refused.stderr, refused.code],
      [
        "✗ plain http to another machine sends key and prompts unencrypted\n" +
          "  - use https, or add --yes if you trust this network with them\n",
        2,
      ],
    );
    assert.equal((await place.login(line, { ...terminal, answers: [false] })).code, 2);
    assert.equal(place.text(), "");
    assert.equal((await place.login(`${line} --yes`)).code, 0);
    assert.match(place.text(), /^insecure_http = true$/m);
  });

  it("takes the place of one that is there, with all that was written of its host", async () => {
    place = await createLoginPlace(`[[accounts]]
id = "spare" # kept
type = "claude-api"
api_key = "old"
api_url = "https://gateway.example"
auth = "bearer"
priority = 7

[accounts.model_map]
"*" = "old-model"
`);
    const { code, stderr } = await place.login(`${glm} --id spare --yes`, { stdin: ["new-key"] });
    assert.equal(code, 0, stderr);
    assert.equal(
      place.text().trimEnd(),
      `[[accounts]]
id = "spare" # kept
type = "claude-api"
api_key = "new-key"
api_url = "https://api.z.ai/api/anthropic"
priority = 7
model_map = { "*" = "glm-5.2" }`,
    );
  });
});

describe("a wrong command line for a compatible host", () => {
  const cases: [string, RegExp][] = [
    ["gemini --compatible", /^✗ --compatible is for Claude and OpenAI\n/],
    ["claude --model m", /^✗ --model is for --compatible\n {2}- leave it out, or add --compatible\n$/],
    ["claude --compatible --setup-token", /^✗ --setup-token and --compatible exclude each other\n/],
    ["openai --compatible --small-model m", /^✗ --small-model is for Claude\n/],
    ["claude --compatible --model gpt-*", /^✗ --model is a pattern/],
    ["claude --compatible --url my-secret-key", /^✗ --url is no complete URL\n {2}- such as: --url https:/],
    ["claude --compatible --url http://models.example", /^✗ --url would send credentials unencrypted/],
    ["claude --compatible --url https://api.anthropic.com/v1", /^✗ --url is Claude's own, which needs no/],
    [
      "claude --compatible --url https://api.z.ai/api/anthropic",
      /^✗ there is no terminal to ask for the host/,
    ],
    [
      "claude --compatible --model m",
      /\n {2}- name both: printf %s "\$KEY" \| cc-relay login claude --compatible --url/,
    ],
    [glm, /^✗ standard input holds no key\n {2}- pipe one in: .* --compatible --url URL --model MODEL\n$/],
  ];
  for (const [line, expected] of cases) {
    it(`is reported with its fix: ${line}`, async () => {
      place = await createLoginPlace("");
      const { stderr, code } = await place.login(line);
      assert.match(stderr, expected);
      assert.equal(code, 2);
      assert.doesNotMatch(stderr, /secret/);
      assert.equal(place.text(), "");
    });
  }
});

describe("the hosts that are offered", () => {
  for (const family of ["claude", "openai"] as const) {
    it(`are known by their addresses for ${family}, and written as they are used`, async () => {
      place = await createLoginPlace("");
      const offers = offersFor(family);
      assert.ok(offers.length > 8);
      assert.equal(new Set(offers.map(({ offer }) => offer.title)).size, offers.length);
      for (const { url, host, isRecognized } of offers) {
        assert.equal(findCompatibleHost(url), isRecognized ? host : undefined, url);
        assert.equal(findUrlFault(url), undefined, url);
        assert.equal(readApiUrl(url, family), url);
      }
    });
  }
  it("do not apply to Gemini's API", async () => {
    place = await createLoginPlace("");
    assert.deepEqual(offersFor("gemini"), []);
  });
});
