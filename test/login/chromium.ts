// Debian's Chromium without a screen, driven through playwright-core, which npm puts beside the clients' cache. Neither is a dependency.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { install } from "../clients/install.ts";
import { type ClientPackage, cacheFolder } from "../clients/packages.ts";

/** The part of playwright-core's API that is used. */
export interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

export interface Page {
  goto(url: string): Promise<unknown>;
  url(): string;
  title(): Promise<string>;
  textContent(selector: string): Promise<string | null>;
  /** Runs in the page. */
  evaluate<T>(script: string): Promise<T>;
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
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

/** Nothing but this machine is reached. `localhost` is one of its two addresses, whichever is wanted. */
export async function launchChromium({ localhost = "127.0.0.1" } = {}): Promise<Browser> {
  const executablePath = findChromium();
  const { chromium } = await loadPlaywright();
  return chromium.launch({ executablePath, args: chromiumArguments(localhost) });
}

export function chromiumArguments(localhost: string): string[] {
  return [
    `--host-resolver-rules=MAP localhost ${localhost}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE [::1]`,
  ];
}

const playwright: ClientPackage = {
  folder: "browser",
  packages: [{ name: "playwright-core", version: "1.65.1" }],
  program: undefined,
};

interface Playwright {
  chromium: { launch(options: { executablePath: string; args: string[] }): Promise<Browser> };
}

async function loadPlaywright(): Promise<Playwright> {
  await install(playwright, cacheFolder());
  const manifest = join(cacheFolder(), playwright.folder, "package.json");
  return createRequire(manifest)("playwright-core") as Playwright;
}
