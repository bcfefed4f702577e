// `cc-relay web`: the address that it prints or opens, and what it says when there is no page to open.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runWeb } from "../../src/cli/web.ts";
import { fixText, UserError } from "../../src/domain/errors.ts";
import { createCode } from "../../src/web/sign-in-code.ts";
import { setStage } from "../support/stage.ts";
import { exchange } from "../web/sign-in.ts";
import { type FakeContextOptions, fakeContext } from "./support.ts";

function contextOf(relay: { app: { port: number }; config: FakeContextOptions["config"] }, env = {}) {
  const daemon = { host: "127.0.0.1", port: relay.app.port };
  const context = fakeContext({ config: relay.config, daemon, env });
  Object.assign(context, { clock: Date.now });
  return context;
}

const opensNothing = (why: string) => ({ open: () => Promise.reject(new Error(why)), leaveCode: createCode });

test("--print prints an address whose code signs in once, also where keys are set", async (t) => {
  const { relay } = await setStage(t, {
    configure: (config) => ({ ...config, apiKeys: [{ name: "laptop", key: "relay-key-1" }] }),
  });
  const context = contextOf(relay);
  await runWeb(context, { print: true });
  const [, code] = /^http:\/\/127\.0\.0\.1:\d+\/ui#code=([\w-]{32})\n$/.exec(context.out.stdout.text()) ?? [];
  assert.ok(code, context.out.stdout.text());
  assert.equal(context.out.stderr.text(), "");
  assert.equal((await exchange(relay, code)).status, 204);
  assert.equal((await exchange(relay, code)).status, 401);
});

test("the browser is opened with the address, and the code is printed nowhere", async (t) => {
  const { relay } = await setStage(t);
  const context = contextOf(relay, { DISPLAY: ":0" });
  const opened: string[] = [];
  await runWeb(
    context,
    { print: false },
    {
      open: async (url) => void opened.push(url),
      leaveCode: createCode,
    },
  );
  assert.match(opened[0] ?? "", /\/ui#code=[\w-]{32}$/);
  assert.equal(context.out.stdout.text(), "");
  assert.equal(context.out.stderr.text(), `opened ${relay.url}/ui in the browser\n`);
});

test("where no browser can be shown the address is printed", async (t) => {
  const { relay } = await setStage(t);
  const context = contextOf(relay, { DISPLAY: ":0", SSH_CONNECTION: "x" });
  await runWeb(context, { print: false }, opensNothing("opened"));
  assert.match(context.out.stdout.text(), /\/ui#code=/);
  assert.match(context.out.stderr.text(), /^no browser can be shown from here/);
});

test("a browser that does not start is said, with what to do", async (t) => {
  const { relay } = await setStage(t);
  const context = contextOf(relay, { DISPLAY: ":0" });
  await assert.rejects(
    runWeb(context, { print: false }, opensNothing("spawn ENOENT")),
    (error) => error instanceof UserError && /cc-relay web --print$/.test(fixText(error.fix ?? "")),
  );
});

test("without a relay it says how to start one", async (t) => {
  const { relay } = await setStage(t);
  const context = contextOf(relay);
  await relay.app.close();
  await assert.rejects(
    runWeb(context, { print: true }),
    (error) =>
      error instanceof UserError &&
      /^no relay answers at http:/.test(error.message) &&
      fixText(error.fix ?? "") === "to start it, run in another terminal: cc-relay serve",
  );
  assert.equal(context.out.stdout.text(), "");
});

test("a page that is turned off is said, and no code is made", async (t) => {
  const { relay } = await setStage(t, { configure: (config) => ({ ...config, ui: { enabled: false } }) });
  const context = contextOf(relay);
  await assert.rejects(
    runWeb(context, { print: true }),
    (error) =>
      error instanceof UserError &&
      /does not show its page/.test(error.message) &&
      /\[ui\]/.test(fixText(error.fix ?? "")),
  );
});

for (const [code, message, fix] of [
  ["ENOSPC", /the disk of \S+ is full \(ENOSPC\)$/, /^make room on that disk/],
  ["EROFS", /the disk of \S+ is read-only \(EROFS\)$/, /server\.database_path/],
  ["EACCES", /this user may not write in \S+ \(EACCES\)$/, /as the user who runs the relay/],
] as const) {
  test(`a sign-in code that cannot be left for ${code} names the disk and what to do`, async (t) => {
    const { relay } = await setStage(t);
    const leaveCode = () => Promise.reject(Object.assign(new Error(`${code}: open`), { code }));
    await assert.rejects(
      runWeb(contextOf(relay), { print: true }, { open: async () => {}, leaveCode }),
      (error) =>
        error instanceof UserError && message.test(error.message) && fix.test(fixText(error.fix ?? "")),
    );
  });
}
