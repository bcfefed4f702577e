// The metrics as Prometheus' own tool reads them.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { cases } from "../relay/cases.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";

test("promtool has nothing to say against the metrics of a relay that has served, failed over and refused", async (t) => {
  const { upstream, relay } = await setStage(t);
  upstream.queue("key-of-first", claudeFailures.windowRejected("5h", Date.now() + 7_200_000));
  upstream.queue("key-of-second", { events: 9, cut: { afterEvents: 4, how: "rst" } });
  for (let request = 0; request < 3; request++) await send(relay.url, cases.claude.request());
  await send(relay.url, { path: "/no/such/route" });
  const { text } = await send(relay.url, { path: "/metrics" });
  for (const name of ["requests", "attempts", "failovers", "tokens", "refused_requests"]) {
    assert.match(text, new RegExp(`^cc_relay_${name}_total\\{.*\\} \\d+$`, "m"));
  }
  for (const name of ["first_byte_seconds_bucket", "open_answers", "account_state", "build_info"]) {
    assert.match(text, new RegExp(`^cc_relay_${name}\\{.*\\} \\d+$`, "m"));
  }
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: text,
    encoding: "utf8",
  });
  assert.deepEqual({ status, said: stdout + stderr }, { status: 0, said: "" });
});
