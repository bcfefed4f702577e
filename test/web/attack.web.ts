// A page of another origin attacks the relay's page in the browser that is signed in there: it reads, frames, posts, plants a
// session and comes back under a rebound name. It gets nothing, and the session stays whole.

import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Page } from "../login/chromium.ts";
import { type BrowserSite, type OpenPage, startBrowserSite } from "./browser-site.ts";
import { makeCode } from "./sign-in.ts";

const reboundName = "evil.example";
let site: BrowserSite;
let evil: Server;
/** What the attacker's server was sent. */
const received: { url: string; cookie: string | undefined }[] = [];

before(async () => {
  site = await startBrowserSite([reboundName]);
  evil = createServer((request, response) => {
    received.push({ url: request.url ?? "", cookie: request.headers.cookie });
    const planted = new URL(request.url ?? "/", "http://evil").searchParams.get("plant");
    if (planted !== null) response.setHeader("set-cookie", planted.split("|"));
    response.setHeader("content-type", "text/html").end("<title>Evil</title><body></body>");
  });
  await new Promise<void>((resolve) => evil.listen(0, "127.0.0.1", resolve));
});
after(async () => {
  evil.closeAllConnections();
  evil.close();
  await site.close();
});

const targets = [
  "/ui",
  "/ui/page/main.js",
  "/ui/data/usage",
  "/ui/data/requests",
  "/status",
  "/status?follow",
];

/** Another port of the same address is same-site; the name of another site is cross-site. */
const origins = () => {
  const { port } = evil.address() as AddressInfo;
  return [`http://127.0.0.1:${port}`, `http://${reboundName}:${port}`];
};

async function visit(opened: OpenPage, url: string): Promise<Page> {
  const page = await opened.context.newPage();
  await page.goto(url);
  return page;
}

async function isSignedIn({ page }: OpenPage): Promise<boolean> {
  return await page.evaluate<boolean>("fetch('/ui/data/requests').then((answer) => answer.ok)");
}

test("it reads nothing with fetch, in any mode, and cannot use the relay's key routes", async () => {
  const opened = await site.open();
  const url = site.relay.url;
  for (const origin of origins()) {
    const page = await visit(opened, origin);
    for (const path of targets) {
      const outcome = await page.evaluate<string>(`(async () => {
        const outcomes = [];
        for (const init of [{}, { credentials: "include" }, { mode: "no-cors", credentials: "include" }]) {
          try {
            const answer = await fetch("${url}${path}", init);
            outcomes.push(answer.type === "opaque" ? "opaque" : "read " + answer.status + (await answer.text()));
          } catch { outcomes.push("refused"); }
        }
        return outcomes.join();
      })()`);
      // An opaque answer can be neither read nor distinguished from another one.
      assert.match(outcome, /^refused,refused,(refused|opaque)$/, `${origin} ${path}`);
    }
  }
  assert.equal(site.upstream.requests.length, 0);
  assert.ok(await isSignedIn(opened));
  await opened.context.close();
});

test("it cannot frame the page, load its scripts and data as its own, or look into a window that it opens", async () => {
  const opened = await site.open();
  const url = site.relay.url;
  for (const origin of origins()) {
    const page = await visit(opened, origin);
    const outcome = await page.evaluate<Record<string, unknown>>(`(async () => {
      const loaded = (tag, properties) => new Promise((resolve) => {
        const element = Object.assign(document.createElement(tag), properties);
        element.onload = () => resolve("loaded");
        element.onerror = () => resolve("refused");
        document.body.append(element);
      });
      const frame = Object.assign(document.createElement("iframe"), { src: "${url}/ui" });
      const framed = new Promise((resolve) => (frame.onload = resolve));
      document.body.append(frame);
      await framed;
      let inside = "unreadable";
      try { inside = frame.contentWindow.document.body.textContent; } catch {}
      const opened = window.open("${url}/ui");
      await new Promise((resolve) => setTimeout(resolve, 500));
      let other = "unreadable";
      try { other = opened?.document?.body?.textContent ?? "unreadable"; } catch {}
      return {
        inside, other,
        frames: frame.contentWindow?.length ?? 0,
        script: await loaded("script", { src: "${url}/ui/page/main.js" }),
        status: await loaded("script", { src: "${url}/status" }),
        style: await loaded("link", { rel: "stylesheet", href: "${url}/ui/page/base.css" }),
        image: await loaded("img", { src: "${url}/ui/page/icon.svg" }),
      };
    })()`);
    assert.deepEqual(
      outcome,
      {
        inside: outcome.inside === "" ? "" : "unreadable",
        other: outcome.other === "" ? "" : "unreadable",
        frames: 0,
        script: "refused",
        status: "refused",
        style: "refused",
        image: "refused",
      },
      origin,
    );
  }
  assert.ok(await isSignedIn(opened));
  await opened.context.close();
});

test("it cannot spend a code, sign the browser in, or end its session", async () => {
  const opened = await site.open();
  const url = site.relay.url;
  const code = await makeCode(site.relay);
  const before = JSON.stringify(await opened.context.cookies());
  for (const origin of origins()) {
    const page = await visit(opened, origin);
    const outcome = await page.evaluate<string>(`(async () => {
      const body = JSON.stringify({ code: "${code}" });
      const outcomes = [];
      for (const type of ["application/json", "text/plain"]) {
        for (const mode of ["cors", "no-cors"]) {
          try {
            const answer = await fetch("${url}/ui/session", { method: "POST", mode, body, credentials: "include", headers: { "content-type": type } });
            outcomes.push(answer.type === "opaque" ? "opaque" : "read");
          } catch { outcomes.push("refused"); }
        }
      }
      navigator.sendBeacon("${url}/ui/session", body);
      const form = Object.assign(document.createElement("form"), { method: "post", action: "${url}/ui/session", enctype: "text/plain", target: "_blank" });
      const field = Object.assign(document.createElement("input"), { name: '{"code":"${code}","a":"', value: '"}' });
      form.append(field);
      document.body.append(form);
      form.submit();
      await new Promise((resolve) => setTimeout(resolve, 300));
      return outcomes.join();
    })()`);
    assert.doesNotMatch(outcome, /read/, origin);
  }
  assert.equal(JSON.stringify(await opened.context.cookies()), before, "no cookie was set or changed");
  const page = await visit(opened, `${url}/ui#code=${code}`);
  await page.waitForSelector(".account");
  await opened.context.close();
});

test("a session that another port of this machine plants is worth nothing, and does not lock the owner out", async () => {
  const opened = await site.open();
  const port = new URL(site.relay.url).port;
  const name = `cc-relay-ui-${port}`;
  const [own] = (await opened.context.cookies()).filter((cookie) => cookie.name === name);
  const planted = [
    `${name}=planted; Path=/ui`,
    `${name}=planted; Path=/ui/data`,
    `${name}=planted; Path=/status`,
  ];
  await visit(opened, `${origins()[0]}/?plant=${encodeURIComponent(planted.join("|"))}`);
  assert.ok(await isSignedIn(opened));
  // A browser that has only the planted one.
  const stranger = await site.browser.newContext();
  const page = await stranger.newPage();
  await page.goto(`${origins()[0]}/?plant=${encodeURIComponent(`${name}=planted; Path=/`)}`);
  await page.goto(`${site.relay.url}/ui`);
  await page.waitForSelector(".sign-in");
  // What SECURITY.md says of cookies and ports is so: this server sees it. Another site does not.
  assert.ok(received.some(({ cookie }) => cookie?.includes(own?.value ?? "?")));
  received.length = 0;
  await visit(opened, origins()[1]!);
  assert.ok(received.length > 0 && received.every(({ cookie }) => !cookie?.includes(own?.value ?? "?")));
  await stranger.close();
  await opened.context.close();
});

test("under a name that was rebound to this machine nothing answers but the refusal", async () => {
  const opened = await site.open();
  const port = new URL(site.relay.url).port;
  const page = await opened.context.newPage();
  await page.goto(`http://${reboundName}:${port}/ui`);
  assert.match((await page.textContent("body")) ?? "", /does not answer for this host name/);
  for (const path of targets) {
    const outcome = await page.evaluate<string>(
      `fetch("${path}").then(async (answer) => answer.status + " " + (await answer.text()), () => "failed")`,
    );
    assert.match(outcome, /^403 .*forbidden_host|^403 .*host name|^failed$/, path);
  }
  assert.ok(await isSignedIn(opened));
  await opened.context.close();
});

test("the page's own script has no way to a provider's route either", async () => {
  const opened = await site.open();
  const outcome = await opened.page.evaluate<number[]>(`Promise.all([
    fetch("/v1/messages", { method: "POST", body: "{}", headers: { "content-type": "application/json" } }),
    fetch("/v1/models"),
    fetch("/metrics"),
  ].map((answer) => answer.then(({ status }) => status)))`);
  assert.deepEqual(outcome, [403, 403, 403]);
  assert.equal(site.upstream.requests.length, 0);
  await opened.context.close();
});
