import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createLog, type LogOptions, silentLog } from "../../src/telemetry/log.ts";
import { anyText } from "../support/any-text.ts";

const clock = () => Date.UTC(2026, 10, 22, 12, 0, 0);

function logInto(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const destination = { write: (text: string) => lines.push(text) };
  return { lines, log: createLog({ level: "debug", pretty: false, clock, destination, ...options }) };
}

describe("JSON lines", () => {
  it("carry level, time, fields and message, one entry a line", () => {
    const { log, lines } = logInto();
    log.info({ account: "claude-1", status: 200 }, "request done");
    assert.deepEqual(lines, [
      '{"level":"info","time":"2026-11-22T12:00:00.000Z","account":"claude-1","status":200,"msg":"request done"}\n',
    ]);
  });

  it("below the level are not written", () => {
    const { log, lines } = logInto({ level: "warn" });
    log.debug({}, "a");
    log.info({}, "b");
    log.warn({}, "c");
    log.error({}, "d");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).msg),
      ["c", "d"],
    );
  });

  it("describe an error by type, code, message, stack and cause, without what libraries hang onto it", () => {
    const { log, lines } = logInto();
    const cause = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const error = Object.assign(new TypeError("no answer", { cause }), { headers: { authorization: "abc" } });
    log.error({ err: error }, "attempt failed");
    const entry = JSON.parse(lines[0] ?? "");
    assert.equal(entry.err.type, "TypeError");
    assert.equal(entry.err.message, "no answer");
    assert.match(entry.err.stack, /log\.test\.ts/);
    assert.equal(entry.err.cause.code, "ECONNREFUSED");
    assert.equal("headers" in entry.err, false);
  });

  it("survive an error that is its own cause", () => {
    const { log, lines } = logInto();
    const error: Error = new Error("loop");
    error.cause = error;
    log.error({ err: error }, "x");
    assert.equal(JSON.parse(lines[0] ?? "").err.message, "loop");
  });
});

describe("secrets", () => {
  it("in fields whose name gives them away are censored at three depths", () => {
    const { log, lines } = logInto();
    log.info(
      { authorization: "a1", headers: { "x-api-key": "b2" }, request: { headers: { cookie: "c3" } } },
      "x",
    );
    const entry = JSON.parse(lines[0] ?? "");
    assert.equal(entry.authorization, "***");
    assert.equal(entry.headers["x-api-key"], "***");
    assert.equal(entry.request.headers.cookie, "***");
  });

  it("of known shape are censored wherever they stand", () => {
    const { log, lines } = logInto();
    log.warn(
      { reason: "invalid key sk-ant-api03-AbCdEf12345", err: new Error("AIzaSyA1234567890abc is not valid") },
      "Bearer abcdef123456 refused",
    );
    const line = lines[0] ?? "";
    assert.doesNotMatch(line, /AbCdEf|SyA123|abcdef123456/);
    assert.equal(JSON.parse(line).reason, "invalid key sk-ant-***");
    assert.equal(JSON.parse(line).msg, "Bearer *** refused");
  });

  it("given as known are asked for anew with every line", () => {
    let secrets = ["first-relay-key"];
    const { log, lines } = logInto({ secrets: () => secrets });
    log.info({ got: "first-relay-key" }, "x");
    secrets = ["second-relay-key"];
    log.info({ got: "second-relay-key" }, "x");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).got),
      ["***", "***"],
    );
  });

  it("never stand in a line and never break its JSON, whatever they are made of", () => {
    fc.assert(
      fc.property(anyText({ minLength: 8 }), fc.string(), fc.string(), (secret, before, after) => {
        const { log, lines } = logInto({ secrets: () => [secret] });
        log.info({ text: before + secret + after, nested: { deep: [secret] }, count: 12345678 }, secret);
        const line = lines[0] ?? "";
        const entry = JSON.parse(line);
        assert.equal(entry.count, 12345678);
        // A secret of stars may stand there again: it is what the censor writes.
        if (!/^\**$/.test(secret)) {
          assert.equal(entry.nested?.deep?.[0]?.includes(secret) ?? false, false);
          assert.equal(String(entry.msg ?? "").includes(secret), false);
        }
      }),
    );
  });
});

describe("the pretty form", () => {
  it("is one line with local time, level, message and fields", () => {
    const { log, lines } = logInto({ pretty: true });
    log.info({ account: "claude-1", note: "two words", status: 429 }, "moved on");
    log.warn({}, "careful");
    const time = new Date(clock()).toTimeString().slice(0, 8);
    assert.deepEqual(lines, [
      `${time} info  moved on  account=claude-1  note="two words"  status=429\n`,
      `${time} warn  careful\n`,
    ]);
  });

  it("paints the level and dims the names when colour is on", () => {
    const { log, lines } = logInto({ pretty: true, colour: true });
    log.error({ a: 1 }, "bad");
    assert.ok(lines[0]?.endsWith("\u001b[31merror\u001b[0m bad  \u001b[90ma=\u001b[0m1\n"));
  });

  it("prints the stack under an error only", () => {
    const { log, lines } = logInto({ pretty: true });
    log.warn({ err: new Error("soft") }, "x");
    log.error({ err: new Error("hard") }, "x");
    assert.equal(lines[0]?.split("\n").length, 2);
    assert.match(lines[1] ?? "", /err=hard\n {4}Error: hard\n {4}at /);
  });

  it("lets no control character of foreign text reach the terminal", () => {
    const { log, lines } = logInto({ pretty: true });
    log.info({ model: "\u001b[2Jx\n" }, "a\u001b[31mb\nc");
    assert.doesNotMatch((lines[0] ?? "").slice(0, -1), /\p{Cc}/u);
  });
});

it("the silent log writes nothing and takes everything", () => {
  assert.equal(silentLog.error({}, "x"), undefined);
});
