// The page under load for a while: it stays true, and neither the browser's memory nor the relay's grows. The short form takes
// seconds; CC_RELAY_WEB_MINUTES=30 is the long one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { send } from "../support/client.ts";
import type { OpenPage } from "./browser-site.ts";
import { type BrowserSite, startBrowserSite } from "./browser-site.ts";

const minutes = Number(process.env.CC_RELAY_WEB_MINUTES ?? 0.1);
const warmUpMs = 2000;
/** Four requests come together, and then a pause: some 15 requests a second. */
const pauseMs = 250;

let site: BrowserSite;
before(async () => {
  site = await startBrowserSite();
});
after(() => site.close());

interface Sizes {
  /** MB of the page's JavaScript heap after a collection. */
  heap: number;
  nodes: number;
  listeners: number;
  /** MB of this process, in which the relay, its provider and the clients are. */
  relay: number;
}

const reportMs = 5 * 60_000;

function describe({ heap, nodes, listeners, relay }: Sizes): string {
  return `page ${heap.toFixed(2)} MB, ${nodes} nodes, ${listeners} listeners; relay's process ${relay.toFixed(0)} MB`;
}

test(`${minutes} minutes of requests leave the page as large as it was`, {
  timeout: minutes * 60_000 + 120_000,
}, async (t) => {
  const opened = await site.open();
  let isOver = false;
  let sent = 0;
  const load = (async () => {
    while (!isOver) {
      await Promise.all([1, 2, 3, 4].map(() => ask(sent++)));
      await sleep(pauseMs);
    }
  })();
  await sleep(warmUpMs);
  await goThroughScreens(opened);
  const before = await measure(opened);
  t.diagnostic(`at first: ${describe(before)}`);
  const begunAt = performance.now();
  for (let nextAt = reportMs; performance.now() - begunAt < minutes * 60_000; ) {
    await goThroughScreens(opened);
    if (performance.now() - begunAt < nextAt) continue;
    nextAt += reportMs;
    t.diagnostic(`after ${sent} requests: ${describe(await measure(opened))}`);
  }
  const after = await measure(opened);
  t.diagnostic(`at the end, after ${sent} requests: ${describe(after)}`);
  isOver = true;
  await load;
  assert.ok(sent > 20, `${sent} requests`);
  assert.deepEqual(opened.complaints, []);
  const shown = JSON.stringify({ before, after, sent });
  assert.ok(after.heap < before.heap * 1.25 + 1, shown);
  assert.ok(after.nodes < before.nodes * 1.3 + 300, shown);
  assert.ok(after.listeners < before.listeners * 1.3 + 30, shown);
  await opened.page.waitForSelector(".connection[data-state=live]");
  await opened.context.close();
});

function ask(number: number): Promise<unknown> {
  const model = number % 2 === 0 ? "claude-sonnet-5-5" : "claude-opus-5-5";
  const body = { model, max_tokens: 50, stream: true, messages: [{ role: "user", content: `Hi ${number}` }] };
  return send(site.relay.url, { method: "POST", path: "/v1/messages", body });
}

async function goThroughScreens({ page }: OpenPage): Promise<void> {
  for (const [hash, shows] of [
    ["#/overview", ".account"],
    ["#/usage?period=7d", ".usage tbody tr"],
    ["#/requests", ".requests tbody tr"],
    ["#/overview", ".account"],
  ] as const) {
    await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
    const found = await page.waitForSelector(shows);
    // A handle that is kept keeps its element, and all that is below it.
    await found.dispose();
    await sleep(500);
  }
}

async function measure({ context, page }: OpenPage): Promise<Sizes> {
  const session = await context.newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const counters = (await session.send("Memory.getDOMCounters")) as {
    nodes: number;
    jsEventListeners: number;
  };
  const { usedSize } = (await session.send("Runtime.getHeapUsage")) as { usedSize: number };
  const relay = process.memoryUsage().rss / 1e6;
  return { heap: usedSize / 1e6, nodes: counters.nodes, listeners: counters.jsEventListeners, relay };
}
