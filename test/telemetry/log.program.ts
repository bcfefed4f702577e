// The log of a process that ends while lines are under way.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";

it("without a destination, lines reach standard error together and none is lost at the end", () => {
  const script = `
    import { createLog } from ${JSON.stringify(new URL("../../src/telemetry/log.ts", import.meta.url).href)};
    const log = createLog({ level: "info", pretty: false });
    for (let index = 0; index < 500; index++) log.info({ index }, "line");
    process.exit(0);`;
  const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  const indexes = stderr
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { index: number }).index);
  assert.deepEqual(
    indexes,
    Array.from({ length: 500 }, (_, index) => index),
  );
});
