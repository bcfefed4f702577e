// A relay with some weeks of usage, and a real browser that is signed in at its page.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CheckDocument } from "../../src/documents/types.ts";
import {
  type Browser,
  type BrowserContext,
  type ContextOptions,
  launchChromium,
  type Page,
} from "../login/chromium.ts";
import { startRelay, type TestRelay } from "../support/relay.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { seedAccounts, seedStore } from "./seed.ts";
import { makeCode } from "./sign-in.ts";

export interface BrowserSite {
  relay: TestRelay;
  upstream: ScriptedUpstream;
  browser: Browser;
  /** A new browser profile with a page that is signed in; closed with the site. */
  open(options?: ContextOptions): Promise<OpenPage>;
  close(): Promise<void>;
}

export interface OpenPage {
  context: BrowserContext;
  page: Page;
  /** What the browser complained of: errors of scripts, and what the page's own policy has stopped. */
  complaints: string[];
}

export async function startBrowserSite(rebound: readonly string[] = []): Promise<BrowserSite> {
  const upstream = await startUpstream();
  const relay = await startRelay({
    accounts: seedAccounts(upstream.url),
    examine: async () => ({ ok: false, checked_at: new Date().toISOString(), checks }),
  });
  await seedStore(relay.store, Date.now());
  await relay.restart();
  const browser = await launchChromium({ rebound });
  return {
    relay,
    upstream,
    browser,
    async open(options = {}) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
      const opened = await openPage(context);
      await opened.page.goto(`${relay.url}/ui#code=${await makeCode(relay)}`);
      await opened.page.waitForSelector(".account");
      return { context, ...opened };
    },
    async close() {
      await browser.close();
      await relay.close();
      await upstream.close();
    },
  };
}

export async function openPage(context: BrowserContext): Promise<{ page: Page; complaints: string[] }> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return { page, complaints };
}

/** Where screenshots are kept to be looked at; without the variable they are taken and dropped. */
export function pictureFile(name: string): string | undefined {
  const folder = process.env.CC_RELAY_PICTURES;
  if (!folder) return undefined;
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.png`);
}

const checks: CheckDocument[] = [
  { name: "node", status: "ok", detail: "24.21.0", fix: null, command: null },
  {
    name: "file modes",
    status: "warn",
    detail: "/home/me/.config/cc-relay/config.toml can be read by other users",
    fix: "to fix it, run: chmod 600 /home/me/.config/cc-relay/config.toml",
    command: "chmod 600 /home/me/.config/cc-relay/config.toml",
  },
  {
    name: "gemini-1",
    status: "fail",
    detail: "the key is refused: API key not valid. Please pass a valid API key.",
    fix: "to give it another key, run: cc-relay login gemini --api-key --id gemini-1",
    command: "cc-relay login gemini --api-key --id gemini-1",
  },
];
