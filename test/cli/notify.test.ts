// `cc-relay notify --test` as it is typed: which receivers took the message, and the exit code.

import assert from "node:assert/strict";
import { test } from "node:test";
import { listen } from "./support.ts";
import { inWorkplace } from "./workplace.ts";

test("every receiver is named, and one that did not take the message makes it fail", async (t) => {
  const bodies: string[] = [];
  const receiver = await listen((request, response) => {
    request.on("data", (chunk: Buffer) => void bodies.push(chunk.toString()));
    request.on("end", () => response.writeHead(request.url === "/good" ? 204 : 404).end());
  });
  t.after(() => receiver.close());
  const url = `http://127.0.0.1:${receiver.port}`;
  const good = `[[notify]]\nwebhook = "${url}/good"\n`;
  await inWorkplace(good, async (place) => {
    const { stderr, code } = await place.type("notify --test");
    assert.deepEqual([stderr, code], ["✓ notify[0] (webhook): the message was taken\n", 0]);
    const { event, state, account } = JSON.parse(bodies[0] ?? "");
    assert.deepEqual([event, state, account], ["storage", "test", null]);
  });
  await inWorkplace(`${good}\n[[notify]]\nntfy = "${url}/topic"\n`, async (place) => {
    const { stderr, code } = await place.type("notify --test");
    assert.equal(code, 1);
    assert.match(stderr, /✓ notify\[0\] \(webhook\)[\s\S]*✗ notify\[1\] \(ntfy\): it answered 404\n/);
  });
});

test("without a receiver it says what to write, and without --test it is a usage error", async () => {
  await inWorkplace(undefined, async (place) => {
    const without = await place.type("notify --test");
    assert.equal(without.code, 1);
    assert.match(without.stderr, /write \[\[notify\]\]/);
    assert.equal((await place.type("notify")).code, 2);
  });
});
