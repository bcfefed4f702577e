// Several processes that change one configuration file at once.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { addAccount } from "../../src/config/edit.ts";
import { loadConfig } from "../../src/config/load.ts";
import { editConfigFile } from "../../src/config/write.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { fakeEnvironment } from "./support.ts";

const environment = fakeEnvironment();
const values = { type: "claude-api", api_key: "KEY" } as const;

test("edits of several processes at once are all made, and readers see whole files only", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-write-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "config.toml");
  const edit = (text: string) => addAccount(text, "first", values);
  await editConfigFile({ file, environment, kinds: accountKinds, edit });
  const script = `
    const { editConfigFile } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/config/write.ts"))});
    const { addAccount } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/config/edit.ts"))});
    const { accountKinds } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/upstreams/kinds.ts"))});
    const environment = ${JSON.stringify(environment)};
    for (let index = 0; index < 5; index++) {
      const edit = (text) => addAccount(text, process.argv[1] + index, ${JSON.stringify(values)});
      await editConfigFile({ file: ${JSON.stringify(file)}, environment, kinds: accountKinds, edit });
    }`;
  const writers = ["a", "b", "c"].map((name) =>
    spawn(process.execPath, ["--input-type=module", "-e", script, name], {
      stdio: ["ignore", "ignore", "inherit"],
    }),
  );
  const ends = Promise.all(writers.map((writer) => once(writer, "exit")));
  let isOver = false;
  void ends.then(() => {
    isOver = true;
  });
  while (!isOver) await loadConfig({ flag: file, environment, kinds: accountKinds });
  assert.deepEqual(
    (await ends).map(([code]) => code),
    [0, 0, 0],
  );
  assert.equal((await loadConfig({ flag: file, environment, kinds: accountKinds })).accounts.length, 16);
});
