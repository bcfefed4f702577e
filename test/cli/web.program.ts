// `cc-relay web` beside a running relay, both in processes of their own.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { send } from "../support/client.ts";
import { createServeFolder } from "../support/serve-process.ts";
import { listen } from "./support.ts";

test("a relay whose database is in memory can be signed in at", async (t) => {
  const place = await createServeFolder(t);
  const { port, close } = await listen(() => {});
  await close();
  // Nobody can make files there, not even root.
  const toml = `[server]\nport = ${port}\ndatabase_path = "/sys/cc-relay.db"\n`;
  await writeFile(place.configFile, toml, { mode: 0o600 });
  const relay = await place.start();
  assert.match(relay.stderr(), /kept in memory/);
  const [, code = ""] = /#code=([\w-]{32})\n$/.exec(await place.run(["web", "--print"])) ?? [];
  const signIn = () => send(relay.url, { method: "POST", path: "/ui/session", body: { code } });
  assert.equal((await signIn()).status, 204);
  assert.equal((await signIn()).status, 401);
});
