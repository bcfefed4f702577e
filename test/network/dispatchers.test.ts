// How long dispatchers and their connections last: an account keeps one, and removed accounts' are closed.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "undici";
import { closeAll, dispatchers, faultOf, get, proxyOf, startUpstream } from "./dispatchers-setup.ts";

after(closeAll);

test("an account keeps one dispatcher, and retain closes those of removed accounts and former proxies", async () => {
  const upstream = await startUpstream();
  const origin = `http://127.0.0.1:${upstream.port}`;
  const all = dispatchers();
  const proxy = await proxyOf("http");
  const settings = { type: "http", host: "127.0.0.1", port: proxy.port } as const;
  const [kept, removed, former] = [
    all.for("kept", undefined),
    all.for("removed", undefined),
    all.for("moved", undefined),
  ];
  const moved = all.for("moved", settings);
  assert.notEqual(moved, former);
  assert.equal(all.for("kept", undefined), kept);
  assert.equal(all.for("moved", { ...settings }), moved);
  all.retain([
    { id: "kept", proxy: undefined },
    { id: "moved", proxy: settings },
  ]);
  assert.equal(await get(kept, origin), "hello");
  assert.equal(await get(moved, origin), "hello");
  for (const gone of [removed, former]) {
    const fault = await faultOf(get(gone, origin));
    assert.equal(fault.kind, "unreachable");
  }
  assert.notEqual(all.for("removed", undefined), removed);
});

test("retain lets an answer under way finish", async () => {
  let finish = () => {};
  const upstream = await startUpstream({
    handler: (_request, response) => {
      response.write("first ");
      finish = () => response.end("last");
    },
  });
  const all = dispatchers();
  const dispatcher = all.for("a", undefined);
  const answer = await request(`http://127.0.0.1:${upstream.port}`, { dispatcher });
  all.retain([]);
  finish();
  assert.equal(await answer.body.text(), "first last");
});

test("close destroys what is under way", async () => {
  const upstream = await startUpstream({ handler: (_request, response) => void response.write("first ") });
  const all = dispatchers();
  const answer = await all
    .for("a", undefined)
    .request({ origin: `http://127.0.0.1:${upstream.port}`, path: "/", method: "GET" });
  await all.close();
  await assert.rejects(answer.body.text());
});
