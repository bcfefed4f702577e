// The login whose code is pasted into the terminal, alone or beside the browser.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import type { LoginLinks } from "../../src/oauth/login.ts";
import { perTest } from "../support/per-test.ts";
import { browse, openLoginSite } from "./login-setup.ts";

const site = perTest(openLoginSite);

test("pasting: what the page shows, a bare code, and the whole address all finish the login", async () => {
  const page = async (links: LoginLinks) => (await browse(links.manual)).body;
  const whole = async (links: LoginLinks) => {
    const [code, state] = (await page(links)).split("#");
    return `https://platform.claude.com/oauth/code/callback?code=${code}&state=${state}`;
  };
  const forms = [page, async (links: LoginLinks) => (await page(links)).split("#")[0]!, whole];
  for (const form of forms) {
    const pasted = Promise.withResolvers<string>();
    const run = await site.start({ prompts: { open: undefined, paste: () => pasted.promise } });
    assert.equal(run.links.automatic, undefined);
    assert.equal(
      new URL(run.links.manual).searchParams.get("redirect_uri"),
      "https://platform.claude.com/oauth/code/callback",
    );
    pasted.resolve(await form(run.links));
    const result = await run.result;
    assert.ok(result.ok, result.ok ? "" : result.message);
    assert.equal(
      site.server.requests.at(-1)!.parameters.redirect_uri,
      "https://platform.claude.com/oauth/code/callback",
    );
  }
});

test("pasting works beside the browser, and the address of the loopback page can be pasted as well", async () => {
  const pasted = Promise.withResolvers<string>();
  const run = await site.start({ prompts: { paste: () => pasted.promise } });
  const automatic = new URL(run.links.automatic!);
  const redirect = await new Promise<string>((resolve) => {
    http.get(automatic, (response) => resolve(response.resume().headers.location!));
  });
  pasted.resolve(redirect);
  assert.ok((await run.result).ok);
  assert.equal(site.server.requests[0]!.parameters.redirect_uri, automatic.searchParams.get("redirect_uri"));
});

test("a pasted code of another login is refused and asked for again", async () => {
  const entries = ["CODE#other-state", "", "https://page.example/?error=access_denied"];
  const wanted = Promise.withResolvers<string>();
  const run = await site.start({
    prompts: { open: undefined, paste: async () => entries.shift() ?? wanted.promise },
  });
  wanted.resolve((await browse(run.links.manual)).body);
  assert.ok((await run.result).ok);
  assert.equal(run.problems[0], undefined);
  assert.match(run.problems[1]!, /another login/);
  assert.match(run.problems[2]!, /no code/);
  assert.match(run.problems[3]!, /refused: access_denied/);
  assert.equal(site.server.requests.length, 1);
});

test("the prompt is taken away when the browser was faster, and leaving it ends the login", async () => {
  let promptSignal: AbortSignal | undefined;
  const run = await site.start({
    prompts: {
      paste: (_problem, signal) => {
        promptSignal = signal;
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    },
  });
  await browse(run.links.automatic!);
  assert.ok((await run.result).ok);
  assert.equal(promptSignal?.aborted, true);

  const given = await site.start({ prompts: { paste: async () => undefined } });
  assert.deepEqual(await given.result, {
    ok: false,
    reason: "cancelled",
    message: "the login was cancelled",
  });
});
