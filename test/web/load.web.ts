// The page under load for a while: it stays true, and neither the browser's memory nor the relay's grows. The short form takes
// seconds; CC_RELAY_WEB_MINUTES=30 is the long one.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, type BrowserContext, launchChromium } from "../login/chromium.ts";
import { send } from "../support/client.ts";
import {
  builtProgram,
  claudeAccounts,
  createServeFolder,
  type RunningServe,
} from "../support/serve-process.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { openPage } from "./browser-site.ts";
import { seedStore } from "./seed.ts";

const minutes = Number(process.env.CC_RELAY_WEB_MINUTES ?? 0.1);
/** In it caches fill and code is compiled: what both programs take afterwards is what they need. */
const warmUpMs = 10_000;
/** Four requests come together, and then a pause: some 15 requests a second. */
const pauseMs = 250;

let upstream: ScriptedUpstream;
let browser: Browser;
before(async () => {
  [upstream, browser] = await Promise.all([startUpstream(), launchChromium()]);
});
after(async () => {
  await browser.close();
  await upstream.close();
});

interface Sizes {
  /** MB of the page's JavaScript heap after a collection. */
  heap: number;
  nodes: number;
  listeners: number;
  /** MB that the relay's process has in memory: nothing else is in it. */
  relay: number;
}

interface Site {
  serve: RunningServe;
  opened: Awaited<ReturnType<typeof openPage>>;
  context: BrowserContext;
}

async function startSite(t: TestContext): Promise<Site> {
  const folder = await createServeFolder(t, builtProgram);
  // With as many rows as the screens list: what comes later takes the place of others.
  await folder.look((store) => seedStore(store, Date.now()));
  await folder.configure(claudeAccounts(upstream.url));
  const serve = await folder.start();
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const opened = await openPage(context);
  await opened.page.goto((await folder.run(["web", "--print"])).trim());
  await opened.page.waitForSelector(".account");
  return { serve, opened, context };
}

const reportMs = 5 * 60_000;

function describe({ heap, nodes, listeners, relay }: Sizes): string {
  return `page ${heap.toFixed(2)} MB, ${nodes} nodes, ${listeners} listeners; relay ${relay.toFixed(0)} MB`;
}

test(`${minutes} minutes of requests leave the page as large as it was`, {
  timeout: minutes * 60_000 + 180_000,
}, async (t) => {
  const site = await startSite(t);
  const { opened, context, serve } = site;
  let isOver = false;
  let sent = 0;
  const load = (async () => {
    while (!isOver) {
      await Promise.all([1, 2, 3, 4].map(() => ask(serve, sent++)));
      await sleep(pauseMs);
    }
  })();
  await sleep(warmUpMs);
  await goThroughScreens(opened);
  const before = await measure(site);
  t.diagnostic(`at first: ${describe(before)}`);
  const begunAt = performance.now();
  const lowest = watchLowest(serve.pid, minutes * 60_000);
  for (let nextAt = reportMs; performance.now() - begunAt < minutes * 60_000; ) {
    await goThroughScreens(opened);
    if (performance.now() - begunAt < nextAt) continue;
    nextAt += reportMs;
    t.diagnostic(`after ${sent} requests: ${describe(await measure(site))}`);
  }
  const after = await measure(site);
  t.diagnostic(`at the end, after ${sent} requests: ${describe(after)}`);
  isOver = true;
  await load;
  assert.ok(sent > 20, `${sent} requests`);
  assert.deepEqual(opened.complaints, []);
  const shown = JSON.stringify({ before, after, sent });
  assert.ok(after.heap < before.heap * 1.25 + 1, shown);
  assert.ok(after.nodes < before.nodes * 1.3 + 300, shown);
  assert.ok(after.listeners < before.listeners * 1.3 + 30, shown);
  // Under load garbage comes and goes; what stays is the lowest of a while. The first fifth is the relay's own warm-up. Two KB that each
  // request of half an hour leaves behind would be more than the room that is given.
  const [, second, , , last] = lowest.stop() as [number, number, number, number, number];
  t.diagnostic(
    `the relay had ${second.toFixed(0)} MB at least in the second fifth, ${last.toFixed(0)} MB in the last`,
  );
  assert.ok(last < second * 1.1 + 8, `${last} MB in the last fifth, ${second} MB in the second`);
  await opened.page.waitForSelector(".connection[data-state=live]");
  await context.close();
});

/** The least memory, in MB, that a process had in each fifth of a time from now on; the last fifth lasts until `stop`. */
function watchLowest(pid: number, durationMs: number): { stop(): number[] } {
  const begunAt = performance.now();
  const lowest = Array.from({ length: 5 }, () => Number.POSITIVE_INFINITY);
  const timer = setInterval(async () => {
    const fifth = Math.min(4, Math.floor(((performance.now() - begunAt) / durationMs) * 5));
    lowest[fifth] = Math.min(lowest[fifth]!, await residentMb(pid));
  }, 200);
  return {
    stop() {
      clearInterval(timer);
      return lowest;
    },
  };
}

function ask({ url }: RunningServe, number: number): Promise<unknown> {
  const model = number % 2 === 0 ? "claude-sonnet-5-5" : "claude-opus-5-5";
  const body = { model, max_tokens: 50, stream: true, messages: [{ role: "user", content: `Hi ${number}` }] };
  return send(url, { method: "POST", path: "/v1/messages", body });
}

async function goThroughScreens({ page }: Site["opened"]): Promise<void> {
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

async function measure({ context, opened, serve }: Site): Promise<Sizes> {
  const session = await context.newCDPSession(opened.page);
  await session.send("HeapProfiler.collectGarbage");
  const counters = (await session.send("Memory.getDOMCounters")) as {
    nodes: number;
    jsEventListeners: number;
  };
  const { usedSize } = (await session.send("Runtime.getHeapUsage")) as { usedSize: number };
  const relay = await residentMb(serve.pid);
  return { heap: usedSize / 1e6, nodes: counters.nodes, listeners: counters.jsEventListeners, relay };
}

async function residentMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]) / 1000;
}
