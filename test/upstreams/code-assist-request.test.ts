import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import type { Credential } from "../../src/account-kinds/credential.ts";
import type { UpstreamRequest } from "../../src/account-kinds/upstream.ts";
import type { Call } from "../../src/domain/call.ts";
import { internalRequest, readPublicMethod, wrapRequest } from "../../src/upstreams/code-assist-request.ts";
import { geminiCall } from "./make-call.ts";

const login: Credential = { kind: "bearer", token: "the-token", extras: { project: "own-project" } };

function wrap(parts: Partial<Call>, credential: Credential = login): UpstreamRequest {
  const call = geminiCall(parts);
  const method = readPublicMethod(call.path);
  assert.ok(method);
  return wrapRequest(call, method, { apiUrl: "https://h.example", credential });
}

function wrapText(body: string, parts: Partial<Call> = {}): string {
  return String(wrap({ body: Buffer.from(body), ...parts }).body);
}

function internal(body: string, parts: Partial<Call> = {}, credential: Credential = login): string {
  const call = geminiCall({ path: "/v1internal:generateContent", body: Buffer.from(body), ...parts });
  return String(internalRequest(call, { apiUrl: "https://h.example", credential }).body);
}

describe("a path of the public API", () => {
  const rows: [string, ReturnType<typeof readPublicMethod>][] = [
    ["/v1beta/models/gemini-2.5-pro:generateContent", { model: "gemini-2.5-pro", name: "generateContent" }],
    ["/v1/models/m:streamGenerateContent", { model: "m", name: "streamGenerateContent" }],
    ["/v1alpha/models/m:countTokens", { model: "m", name: "countTokens" }],
    ["/v1beta/models/tuned:abc:generateContent", { model: "tuned:abc", name: "generateContent" }],
    ["/v1beta/models/tuned%3Aabc:generateContent", { model: "tuned:abc", name: "generateContent" }],
    ["/v1beta/models/a%zz:generateContent", { model: "a%zz", name: "generateContent" }],
    ["/v1beta/models/models/m:generateContent", { model: "m", name: "generateContent" }],
    ["/v1beta/tunedModels/x:generateContent", { model: "tunedModels/x", name: "generateContent" }],
    ["/v1beta/models/m:embedContent", undefined],
    ["/v1beta/models/m", undefined],
    ["/v1beta/models", undefined],
    ["/v1internal:generateContent", undefined],
    ["/v2/models/m:generateContent", undefined],
  ];
  for (const [path, expected] of rows) {
    it(`${path} is ${expected ? `${expected.name} of ${expected.model}` : "nothing that Code Assist has"}`, () => {
      assert.deepEqual(readPublicMethod(path), expected);
    });
  }
});

describe("a call of the public API, wrapped", () => {
  const envelope = (request: string) =>
    `{"model":"gemini-2.5-pro","project":"own-project","request":${request}}`;
  const rows: [string, string, string][] = [
    ["a body as it is", '{"contents":[]}', '{"contents":[]}'],
    ["an empty object", "{}", "{}"],
    ["blanks and line ends", ' {\n "contents" : [ ] } \n', ' {\n "contents" : [ ] } \n'],
    [
      "figures beyond 2^53, escapes and repeated names",
      '{"a":12345678901234567890,"b":1e0,"c":"\\u00e9","a":1}',
      '{"a":12345678901234567890,"b":1e0,"c":"\\u00e9","a":1}',
    ],
    ["without a model in it", '{"model":"models/x","contents":[]}', '{"contents":[]}'],
    ["with the model last", '{"contents":[] , "model" : "x" }', '{"contents":[]  }'],
    ["with the model alone", '{ "model":"x" }', "{  }"],
    ["with the model in the middle", '{"a":1,"model":{"b":"}"},"c":2}', '{"a":1,"c":2}'],
    [
      "snake case",
      '{"system_instruction":{"parts":[]},"generation_config":{"top_p":1},"safety_settings":[],"tool_config":{},"cached_content":"c"}',
      '{"systemInstruction":{"parts":[]},"generationConfig":{"top_p":1},"safetySettings":[],"toolConfig":{},"cachedContent":"c"}',
    ],
    [
      "snake case written with escapes",
      '{"system\\u005finstruction":{"parts":[]}}',
      '{"systemInstruction":{"parts":[]}}',
    ],
    [
      "a name inside the contents stays",
      '{"contents":[{"model":"x","system_instruction":1}]}',
      '{"contents":[{"model":"x","system_instruction":1}]}',
    ],
    [
      "a system instruction that is a string",
      '{"systemInstruction":"be \\"kind\\"","contents":[]}',
      '{"systemInstruction":{"parts":[{"text":"be \\"kind\\""}]},"contents":[]}',
    ],
    [
      "the same in snake case, before the model",
      '{"system_instruction" : "x" ,"model":"m"}',
      '{"systemInstruction" : {"parts":[{"text":"x"}]} }',
    ],
  ];
  for (const [title, body, expected] of rows) {
    it(title, () => assert.equal(wrapText(body), envelope(expected)));
  }

  it("is sent as it is when it is no JSON object, so that the error is Google's", () => {
    for (const body of ["", "[]", '"x"', "{", '{"contents":[]', '{"a":1}x', '{"a"}', "nonsense"]) {
      assert.equal(wrapText(body), body);
    }
    assert.equal(wrap({ body: undefined }).body, undefined);
  });

  it("has no project when the account has none, and none of its own in pass-through", () => {
    const bare: Credential = { kind: "bearer", token: "t" };
    for (const credential of [bare, { kind: "client" } as const]) {
      const { body } = wrap({ body: Buffer.from('{"contents":[]}') }, credential);
      assert.equal(String(body), '{"model":"gemini-2.5-pro","request":{"contents":[]}}');
    }
  });

  it("gets a session id that is stable per conversation", () => {
    const first = JSON.parse(wrapText('{"contents":[]}', { sessionKey: "s1" })).request.session_id;
    const again = JSON.parse(wrapText('{"contents":[1]}', { sessionKey: "s1" })).request.session_id;
    const other = JSON.parse(wrapText("{}", { sessionKey: "s2" })).request.session_id;
    assert.match(first, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(again, first);
    assert.notEqual(other, first);
  });

  it("loses the model behind a system instruction that is a string", () => {
    const system = '"systemInstruction":{"parts":[{"text":"Be brief."}]}';
    assert.equal(wrapText('{"system_instruction":"Be brief.","model":"m"}'), envelope(`{${system}}`));
    assert.equal(wrapText('{"model":"m","system_instruction":"Be brief."}'), envelope(`{${system}}`));
  });

  it("keeps a session id of the client's", () => {
    for (const body of ['{"session_id":"mine"}', '{"sessionId":"mine"}']) {
      assert.equal(wrapText(body, { sessionKey: "s1" }), envelope(body));
    }
  });

  it("streams as events, whatever the client asked for", () => {
    const path = "/v1beta/models/m:streamGenerateContent";
    for (const query of ["?alt=sse", "?$alt=sse&prettyPrint=false", "", "?alt=json&fields=candidates"]) {
      assert.equal(wrap({ path, query }).path, "/v1internal:streamGenerateContent?alt=sse");
    }
    assert.equal(wrap({ query: "?prettyPrint=true" }).path, "/v1internal:generateContent");
  });

  it("asks for an answer without a coding, since that is rewritten", () => {
    const { headers } = wrap({ headers: ["X-Goog-Api-Client", "genai"], acceptEncoding: "gzip" });
    assert.deepEqual(headers, [
      "X-Goog-Api-Client",
      "genai",
      "content-type",
      "application/json",
      "accept-encoding",
      "identity",
      "authorization",
      "Bearer the-token",
    ]);
  });

  it("is decoded to be wrapped, and says so", () => {
    const plain = Buffer.from('{"contents":[]}');
    for (const coding of ["gzip", "GZIP", "br, gzip"]) {
      const request = wrap({
        headers: ["Content-Encoding", coding, "Content-Type", "application/json"],
        body: Buffer.from("coded"),
        decodedBody: plain,
      });
      assert.equal(String(request.body), envelope(String(plain)));
      assert.deepEqual(request.headers.slice(0, 4), [
        "Content-Type",
        "application/json",
        "accept-encoding",
        "identity",
      ]);
    }
  });

  it("that is no JSON object keeps its coding", () => {
    const body = gzipSync("no object");
    const headers = ["content-encoding", "gzip"];
    const request = wrap({ headers, body, decodedBody: Buffer.from("no object") });
    assert.equal(request.body, body);
    assert.deepEqual(request.headers.slice(0, 2), headers);
  });

  it("means the same as the client's body, whatever is in it", () => {
    const name = fc.oneof(
      fc.string(),
      fc.constantFrom("model", "system_instruction", "generationConfig", "contents", "tool_config"),
    );
    const member = fc.tuple(name, fc.jsonValue());
    fc.assert(
      fc.property(fc.uniqueArray(member, { selector: ([key]) => key }), fc.boolean(), (members, pretty) => {
        const body = Object.fromEntries(members);
        fc.pre(Object.keys(body).length === members.length);
        const text = JSON.stringify(body, null, pretty ? 2 : undefined);
        const { request } = JSON.parse(wrapText(text));
        const expected = JSON.parse(text) as Record<string, unknown>;
        delete expected.model;
        for (const [alias, full] of [
          ["system_instruction", "systemInstruction"],
          ["tool_config", "toolConfig"],
        ] as const) {
          if (!(alias in expected)) continue;
          expected[full] = expected[alias];
          delete expected[alias];
        }
        if (typeof expected.systemInstruction === "string") {
          expected.systemInstruction = { parts: [{ text: expected.systemInstruction }] };
        }
        assert.deepEqual(request, expected);
      }),
    );
  });
});

describe("counting tokens", () => {
  const path = "/v1beta/models/tuned:m:countTokens";
  const rows: [string, string, string][] = [
    ["contents", '{"contents":[{"n":1e0}]}', '{"request":{"model":"models/tuned:m","contents":[{"n":1e0}]}}'],
    [
      "a whole request",
      '{"generateContentRequest":{"model":"models/x","contents":[1],"tools":[]}}',
      '{"request":{"model":"models/tuned:m","contents":[1]}}',
    ],
    [
      "a whole request in snake case",
      '{"generate_content_request":{"contents":[1]}}',
      '{"request":{"model":"models/tuned:m","contents":[1]}}',
    ],
    ["nothing", "{}", '{"request":{"model":"models/tuned:m"}}'],
    ["no JSON", "x", "x"],
  ];
  for (const [title, body, expected] of rows) {
    it(`of ${title}`, () => {
      const request = wrap({ path, operation: "count-tokens", sessionKey: "s", body: Buffer.from(body) });
      assert.equal(request.path, "/v1internal:countTokens");
      assert.equal(String(request.body), expected);
    });
  }
});

describe("a call of Code Assist's own", () => {
  const rows: [string, string, string][] = [
    [
      "its project becomes the account's",
      '{"model":"m", "project" : "client-1" ,"request":{"project":"stays"}}',
      '{"model":"m", "project" : "own-project" ,"request":{"project":"stays"}}',
    ],
    ["a project that is null too", '{"project":null}', '{"project":"own-project"}'],
    [
      "a missing project is added to a generating call",
      '{ "model":"m"}',
      '{"project":"own-project", "model":"m"}',
    ],
    ["an empty object gets one as well", "{}", '{"project":"own-project"}'],
    [
      "figures keep their spelling",
      '{"project":"p","n":12345678901234567890,"x":1e0}',
      '{"project":"own-project","n":12345678901234567890,"x":1e0}',
    ],
    ["no JSON stays what it is", "[1]", "[1]"],
  ];
  for (const [title, body, expected] of rows) {
    it(title, () => assert.equal(internal(body), expected));
  }

  it("every place that names the project is rewritten, in calls that have one", () => {
    const load = { path: "/v1internal:loadCodeAssist", operation: "code-assist" as const };
    assert.equal(
      internal('{"cloudaicompanionProject":"c","metadata":{"ideType":"X","duetProject":"c"}}', load),
      '{"cloudaicompanionProject":"own-project","metadata":{"ideType":"X","duetProject":"own-project"}}',
    );
    const other = '{"metadata":{"ideType":"X"},"duetProject":"outside"}';
    assert.equal(internal(other, load), other);
  });

  it("a body that needs no change is the client's own buffer", () => {
    const body = Buffer.from('{"metadata":{}}');
    const call = geminiCall({ path: "/v1internal:loadCodeAssist", operation: "code-assist", body });
    const target = { apiUrl: "https://h.example", credential: login };
    assert.equal(internalRequest(call, target).body, body);
    assert.equal(internalRequest({ ...call, method: "GET", body: undefined }, target).body, undefined);
  });

  it("keeps the client's project where the account has none, and in pass-through", () => {
    const body = '{"project":"client-1"}';
    assert.equal(internal(body, {}, { kind: "bearer", token: "t" }), body);
    assert.equal(internal(body, {}, { kind: "client" }), body);
  });

  it("loses its coding only when it had to be rewritten", () => {
    const target = { apiUrl: "https://h.example", credential: login };
    const headers = ["Content-Encoding", "gzip"];
    const load = { path: "/v1internal:loadCodeAssist", operation: "code-assist" as const, headers };
    const rewritten = internalRequest(
      geminiCall({
        ...load,
        body: Buffer.from("coded"),
        decodedBody: Buffer.from('{"cloudaicompanionProject":"c"}'),
      }),
      target,
    );
    assert.equal(String(rewritten.body), '{"cloudaicompanionProject":"own-project"}');
    assert.ok(!rewritten.headers.includes("Content-Encoding"));
    const body = gzipSync('{"metadata":{}}');
    const decodedBody = Buffer.from('{"metadata":{}}');
    const kept = internalRequest(geminiCall({ ...load, body, decodedBody }), target);
    assert.equal(kept.body, body);
    assert.deepEqual(kept.headers.slice(0, 2), headers);
  });

  it("with a project that needs quoting stays JSON", () => {
    const odd = 'a"b\\c';
    const text = internal('{"project":"x"}', {}, { kind: "bearer", token: "t", extras: { project: odd } });
    assert.deepEqual(JSON.parse(text), { project: odd });
  });

  it("is changed in a body of any size", () => {
    const contents = Array.from({ length: 2000 }, (_, index) => ({
      role: "user",
      parts: [{ text: `"project":"${index}"` }],
    }));
    const text = JSON.stringify({ model: "m", project: "client-1", request: { contents } });
    assert.equal(internal(text), text.replace('"project":"client-1"', '"project":"own-project"'));
  });
});
