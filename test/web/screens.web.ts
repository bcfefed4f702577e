// Every screen of the page in a real browser: what it shows, in light and dark, wide and narrow, with the keyboard, and live.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "../login/chromium.ts";
import { send } from "../support/client.ts";
import { until } from "../support/until.ts";
import { type BrowserSite, openPage, pictureFile, startBrowserSite } from "./browser-site.ts";
import { makeCode } from "./sign-in.ts";

let site: BrowserSite;
before(async () => {
  site = await startBrowserSite();
});
after(() => site.close());

const screens = [
  { name: "overview", hash: "#/overview", shows: ".account .window" },
  { name: "usage", hash: "#/usage?period=30d", shows: ".usage tbody tr" },
  {
    name: "usage-24h",
    hash: "#/usage?period=24h&by=account&measure=tokens&table=steps",
    shows: ".usage tbody tr",
  },
  { name: "requests", hash: "#/requests?since=30d&failed=on", shows: ".requests tbody tr" },
  { name: "request", hash: "#/requests/ID", shows: ".attempt" },
  { name: "nothing-fits", hash: "#/requests?model=nothing", shows: ".empty" },
  { name: "unknown-request", hash: "#/requests/unknown", shows: ".failed" },
  { name: "doctor", hash: "#/doctor", shows: ".check-result" },
];

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [360, 1440]) {
    test(`every screen is readable in ${colorScheme} at ${width} px`, async () => {
      const viewport = { width, height: width === 360 ? 740 : 900 };
      const { page, complaints, context } = await site.open({ colorScheme, viewport });
      const moved = (await site.relay.store.requests.last({ limit: 500 })).find(
        ({ path }) => path.length > 1,
      );
      for (const { name, hash, shows } of screens) {
        await go(page, hash.replace("ID", moved?.id ?? ""));
        await page.waitForSelector(shows);
        await page.screenshot({ path: pictureFile(`${name}-${colorScheme}-${width}`), fullPage: true });
        const { wide, faint } = await page.evaluate<{ wide: number; faint: string[] }>(inspection);
        assert.ok(wide <= width, `${name} is ${wide} px wide`);
        assert.deepEqual(faint, [], `${name}: text with too little contrast`);
      }
      // The one screen that is asked for what there is not.
      assert.deepEqual(
        complaints.filter((text) => !/404/.test(text)),
        [],
      );
      await context.close();
    });
  }
}

/** Playwright's own way evaluates in the page, which the page's policy forbids. */
function untilTrue(page: Page, script: string): Promise<true> {
  return until(script, async () => (await page.evaluate<boolean>(script)) || undefined, 10_000);
}

function go(page: Page, hash: string): Promise<unknown> {
  return page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

/** The width of the page, and texts whose contrast is below 4.5:1 (WCAG AA). */
const inspection = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility({ visibilityProperty: true }) || element.closest("noscript, .skip, option")) continue;
    const style = getComputedStyle(element);
    const text = rgba(element instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(text), light(ground(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faint.push(node.textContent.trim().slice(0, 40) + " " + contrast.toFixed(2));
  }
  return { wide: document.scrollingElement.scrollWidth, faint: [...new Set(faint)] };
})()`;

test("the code leaves the address, a reload stays signed in, and the same address opens no second browser", async () => {
  const code = await makeCode(site.relay);
  const address = `${site.relay.url}/ui#code=${code}`;
  const context = await site.browser.newContext();
  const { page } = await openPage(context);
  await page.goto(address);
  await page.waitForSelector(".account");
  assert.doesNotMatch(page.url(), /code/);
  await page.reload();
  await page.waitForSelector(".account");
  const [cookie] = await context.cookies();
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, "Strict"]);
  assert.equal(await page.evaluate("document.cookie"), "");
  const other = await openPage(await site.browser.newContext());
  await other.page.goto(address);
  await other.page.waitForSelector(".sign-in");
  assert.match((await other.page.textContent(".sign-in")) ?? "", /has been used already.*cc-relay web/s);
  await context.close();
});

test("without a session the page is empty and says how to sign in", async () => {
  const context = await site.browser.newContext({ viewport: { width: 360, height: 740 } });
  const { page } = await openPage(context);
  await page.goto(`${site.relay.url}/ui`);
  await page.waitForSelector(".sign-in");
  await page.screenshot({ path: pictureFile("sign-in-light-360") });
  assert.equal(await page.title(), "Sign in – cc-relay");
  assert.doesNotMatch((await page.textContent("body")) ?? "", /claude|gemini|openai/);
  await context.close();
});

test("a request appears while it runs and when it is over, without a reload", async () => {
  const { page, context, complaints } = await site.open();
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  site.upstream.queue({}, { gate: () => held });
  const answer = ask("claude-sonnet-5-5");
  await page.waitForSelector("[data-outcome=running]");
  assert.match((await page.textContent("[data-outcome=running]")) ?? "", /claude-sonnet-5-5.*running/);
  release();
  await answer;
  await page.waitForSelector("[data-outcome=running]", { state: "hidden" });
  await untilTrue(
    page,
    "document.querySelector('[aria-label=\"Last requests\"] tbody tr .model').textContent === 'claude-sonnet-5-5'",
  );
  assert.deepEqual(complaints, []);
  await context.close();
});

function ask(model: string) {
  const body = { model, max_tokens: 50, stream: true, messages: [{ role: "user", content: "Hi" }] };
  return send(site.relay.url, { method: "POST", path: "/v1/messages", body });
}

test("names that clients choose are text: no markup, no script, no turned direction", async () => {
  const { page, context, complaints } = await site.open();
  let dialogs = 0;
  page.on("dialog", (dialog) => {
    dialogs += 1;
    void dialog.dismiss();
  });
  const name = `<img src=x onerror="alert(1)"><script>alert(2)</script>\u202egnp.exe\u001b[31m`;
  const reported = { ...(await import("../../src/usage/observer.ts")).noTokens, input: 10 };
  await site.relay.store.usage.record({
    ...(await import("../store/rows.ts")).usageRow("hostile-row", {
      model: name,
      client: name,
      account: name,
    }),
    time: Date.now(),
    tokens: reported,
  });
  for (const hash of [
    "#/usage?by=model",
    "#/usage?by=client",
    "#/usage?by=account",
    "#/requests",
    "#/requests/hostile-row",
  ]) {
    await go(page, hash);
    await untilTrue(page, "document.querySelector('main').textContent.includes('onerror=')");
    const text = (await page.textContent("main")) ?? "";
    assert.match(
      text,
      /<img src=x onerror="alert\(1\)"><script>alert\(2\)<\/script>\ufffdgnp\.exe\ufffd\[31m/,
    );
    assert.ok(!text.includes("\u202e") && !text.includes("\u001b"));
    assert.equal(await page.evaluate("document.querySelectorAll('main img, main script').length"), 0);
  }
  assert.equal(dialogs, 0);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the keyboard reaches every screen, and reads the chart bar by bar", async () => {
  const { page, context } = await site.open();
  const focused = () => page.evaluate<string>("document.activeElement.textContent");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  for (const name of ["Overview", "Usage"]) {
    await page.keyboard.press("Tab");
    assert.equal(await focused(), name);
  }
  await page.keyboard.press("Enter");
  await page.waitForSelector(".chart svg");
  await page.evaluate("document.querySelector('.chart').focus()");
  await page.keyboard.press("End");
  await page.waitForSelector(".tooltip");
  const last = await page.textContent(".tooltip");
  await page.keyboard.press("ArrowLeft");
  await untilTrue(page, `document.querySelector('.tooltip').textContent !== ${JSON.stringify(last)}`);
  await page.keyboard.press("Escape");
  await page.waitForSelector(".tooltip", { state: "hidden" });
  await context.close();
});

test("filters are in the address, and the CSV has the figures of the table", async () => {
  const { page, context } = await site.open();
  await go(page, "#/requests?since=30d");
  await page.waitForSelector(".requests tbody tr");
  await page.fill("[name=model]", "*opus*");
  await page.keyboard.press("Enter");
  await untilTrue(
    page,
    "[...document.querySelectorAll('.requests td.model')].every((cell) => cell.textContent.includes('opus'))",
  );
  assert.match(page.url(), /model=\*opus\*|model=%2Aopus%2A/);
  await go(page, "#/usage?period=30d&by=account");
  await untilTrue(page, "document.querySelector('.usage thead')?.textContent.startsWith('Account')");
  const csv = await page.evaluate<string>(
    "fetch(document.querySelector('a[download]').href).then((answer) => answer.text())",
  );
  const keys = await page.evaluate<string[]>(
    "[...document.querySelectorAll('.usage tbody th')].map((cell) => cell.textContent)",
  );
  const lines = csv.trim().split("\r\n");
  assert.match(lines[0] ?? "", /^key,requests,errors,/);
  assert.equal(lines.length - 1, keys.length);
  await context.close();
});

test("a restart of the relay is said, with what to do", async () => {
  const { page, context } = await site.open();
  const port = new URL(site.relay.url).port;
  await site.relay.restart();
  await until("the page has noticed", async () => (await page.textContent(".connection")) !== "live");
  assert.equal(await page.textContent(".connection"), "reconnecting");
  assert.notEqual(new URL(site.relay.url).port, port);
  await context.close();
});
