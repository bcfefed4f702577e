// The price list is there before a request needs it: no first answer waits for it.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createServeFolder } from "../support/serve-process.ts";
import { until } from "../support/until.ts";

const sayWhenLoaded = `
import { registerHooks } from "node:module";
registerHooks({
  load(url, context, next) {
    if (url.endsWith("/usage/price.ts")) process.stdout.write("prices are loaded\\n");
    return next(url, context);
  },
});`;

/** In the bundle the price list is in no file of its own. */
const sources = join(import.meta.dirname, "../../src/main.ts");

test("the price list is loaded without a request that asks for it", async (t) => {
  const folder = await createServeFolder(t, sources);
  await folder.configure("");
  const hooks = join(folder.path, "hooks.mjs");
  await writeFile(hooks, sayWhenLoaded);
  const relay = await folder.start([], ["env", `NODE_OPTIONS=--import=${hooks}`]);
  await until("the prices are loaded", () => relay.stdout().includes("prices are loaded"));
});
