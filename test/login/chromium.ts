// Debian's Chromium without a screen, driven through playwright-core, which npm puts beside the clients' cache. Neither is a dependency.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { install } from "../clients/install.ts";
import { type ClientPackage, cacheFolder } from "../clients/packages.ts";

/** The part of playwright-core's API that is used. */
export interface Browser {
  newPage(): Promise<Page>;
  newContext(options?: ContextOptions): Promise<BrowserContext>;
  close(): Promise<void>;
}

export interface ContextOptions {
  viewport?: { width: number; height: number };
  colorScheme?: "light" | "dark";
  reducedMotion?: "reduce";
}

/** Cookies and storage of their own. */
export interface BrowserContext {
  newPage(): Promise<Page>;
  cookies(): Promise<{ name: string; value: string; httpOnly: boolean; sameSite: string }[]>;
  newCDPSession(page: Page): Promise<{ send(method: string, params?: object): Promise<unknown> }>;
  close(): Promise<void>;
}

export interface Page {
  goto(url: string): Promise<unknown>;
  url(): string;
  title(): Promise<string>;
  textContent(selector: string): Promise<string | null>;
  reload(): Promise<unknown>;
  click(selector: string): Promise<void>;
  fill(selector: string, value: string): Promise<void>;
  selectOption(selector: string, value: string): Promise<unknown>;
  hover(selector: string): Promise<void>;
  keyboard: { press(key: string): Promise<void> };
  waitForSelector(
    selector: string,
    options?: { state?: "attached" | "visible" | "hidden" },
  ): Promise<{ dispose(): Promise<void> }>;
  screenshot(options: { path?: string; fullPage?: boolean }): Promise<Buffer>;
  /** Runs in the page. */
  evaluate<T>(script: string): Promise<T>;
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
  on(event: "pageerror", listener: (error: Error) => void): void;
  on(event: "dialog", listener: (dialog: { dismiss(): Promise<void> }) => void): void;
}

/** The variable that names another browser of this kind. */
const browserVariable = "CC_RELAY_TEST_CHROMIUM";
const usualPlaces = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];

/** Throws when there is none: a suite that skips itself proves nothing. */
export function findChromium(): string {
  const named = process.env[browserVariable];
  const found = (named === undefined ? usualPlaces : [named]).find((path) => existsSync(path));
  if (found !== undefined) return found;
  const where = named ?? usualPlaces.join(" and ");
  throw new Error(
    `there is no Chromium at ${where}: install Debian's package chromium, or name one with ${browserVariable}`,
  );
}

/**
 * Nothing but this machine is reached. `localhost` is one of its two addresses, whichever is wanted; `rebound` are names of
 * other sites that lead to it all the same.
 */
export async function launchChromium({
  localhost = "127.0.0.1",
  rebound = [] as readonly string[],
} = {}): Promise<Browser> {
  const executablePath = findChromium();
  const { chromium } = await loadPlaywright();
  return chromium.launch({ executablePath, args: chromiumArguments(localhost, rebound) });
}

/** A browser of its own, with the unpacked extension in this folder. */
export async function launchWithExtension(folder: string): Promise<Pick<Browser, "close">> {
  const executablePath = findChromium();
  const { chromium } = await loadPlaywright();
  // Playwright's own headless form is the old one, which loads no extension.
  const args = ["--headless=new", `--disable-extensions-except=${folder}`, `--load-extension=${folder}`];
  return chromium.launchPersistentContext("", {
    executablePath,
    headless: false,
    args: [...args, ...chromiumArguments("127.0.0.1")],
  });
}

export function chromiumArguments(localhost: string, rebound: readonly string[] = []): string[] {
  const names = rebound.map((name) => `MAP ${name} 127.0.0.1, `).join("");
  return [
    `--host-resolver-rules=${names}MAP localhost ${localhost}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE [::1]`,
  ];
}

const playwright: ClientPackage = {
  folder: "browser",
  packages: [{ name: "playwright-core", version: "1.65.1" }],
  program: undefined,
};

interface Playwright {
  chromium: {
    launch(options: { executablePath: string; args: string[] }): Promise<Browser>;
    launchPersistentContext(
      userDataFolder: string,
      options: { executablePath: string; headless: boolean; args: string[] },
    ): Promise<Pick<Browser, "close">>;
  };
}

async function loadPlaywright(): Promise<Playwright> {
  await install(playwright, cacheFolder());
  const manifest = join(cacheFolder(), playwright.folder, "package.json");
  return createRequire(manifest)("playwright-core") as Playwright;
}
