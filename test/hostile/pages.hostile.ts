// Web pages against the relay, in a real Chromium: speculation rules, an extension's fetch, and the address bar.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { type Browser, launchChromium, launchWithExtension } from "../login/chromium.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

let browser: Browser;

before(async () => {
  browser = await launchChromium();
});
after(() => browser?.close());

/** A page of another port of this machine. */
async function servePage(t: TestContext, html: string): Promise<string> {
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(html));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function refusals({ relay }: Stage): number {
  return relay.log
    .filter(({ message, fields }) => message === "refused" && fields.error === "forbidden_origin")
    .reduce((sum, { fields }) => sum + Number(fields.count ?? 1), 0);
}

for (const action of ["prefetch", "prerender"]) {
  test(`speculation rules: a ${action} reaches no model route`, async (t) => {
    const stage = await setStage(t);
    const rules = { [action]: [{ urls: [`${stage.relay.url}/v1/models`], eagerness: "immediate" }] };
    const address = await servePage(t, `<script type="speculationrules">${JSON.stringify(rules)}</script>`);
    const page = await browser.newPage();
    await page.goto(address);
    await until("a refusal", () => refusals(stage) > 0);
    assert.equal(stage.upstream.requests.length, 0);
  });
}

test("a page's fetch, image, form and link reach no model route", async (t) => {
  const stage = await setStage(t);
  const models = `${stage.relay.url}/v1/models`;
  const address = await servePage(
    t,
    `<img src="${models}"><link rel="prefetch" href="${models}"><script>
      fetch("${models}", { mode: "no-cors" }).catch(() => {});
      fetch("${stage.relay.url}/v1/messages", { method: "POST", mode: "no-cors", body: "{}" }).catch(() => {});
      setTimeout(() => (location = "${models}"), 200);
    </script>`,
  );
  const page = await browser.newPage();
  await page.goto(address);
  await until("the link was followed", () => page.url() === models);
  assert.ok(refusals(stage) > 0);
  assert.equal(stage.upstream.requests.length, 0);
});

test("the address bar opens `/` and `/health`, and no model route", async (t) => {
  const stage = await setStage(t);
  const page = await browser.newPage();
  for (const [path, text] of [
    ["/", /"name":"cc-relay"/],
    ["/health", /"status":"ok"/],
    ["/v1/models", /permission_error/],
    ["/metrics", /permission_error/],
  ] as const) {
    await page.goto(`${stage.relay.url}${path}`);
    assert.match((await page.textContent("body")) ?? "", text, path);
  }
  assert.equal(stage.upstream.requests.length, 0);
});

test("an extension with rights for every host reaches no model route", async (t) => {
  const stage = await setStage(t);
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-extension-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const manifest = {
    manifest_version: 3,
    name: "greedy",
    version: "1",
    host_permissions: ["<all_urls>"],
    background: { service_worker: "worker.js" },
  };
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  await writeFile(
    join(folder, "worker.js"),
    `fetch("${stage.relay.url}/v1/models").catch(() => {});
     fetch("${stage.relay.url}/v1/messages", { method: "POST", body: "{}" }).catch(() => {});`,
  );
  const own = await launchWithExtension(folder);
  t.after(() => own.close());
  await until("a refusal", () => refusals(stage) > 0);
  assert.equal(stage.upstream.requests.length, 0);
});
