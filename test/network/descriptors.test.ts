// Names that cannot be resolved because this machine has no descriptor left.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

/** Takes every descriptor, looks names up, and says what the relay makes of the errors; then once more with descriptors. */
const program = `
  import { closeSync, openSync } from "node:fs";
  import { lookup } from "node:dns/promises";
  import { devNull } from "node:os";
  const { readNetworkFault, readShortage } = await import(process.argv[1]);
  const failure = Object.assign(new Error("fetch failed"), {
    cause: Object.assign(new Error("getaddrinfo EAI_AGAIN"), { code: "EAI_AGAIN" }),
  });
  const taken = [];
  try {
    for (;;) taken.push(openSync(devNull));
  } catch {}
  const error = await lookup("localhost").catch((error) => error);
  const short = [readNetworkFault(error).kind, readNetworkFault(failure).kind, readShortage(failure)];
  for (const each of taken) closeSync(each);
  const enough = [readNetworkFault(failure).kind, readShortage(failure) ?? "none"];
  console.log(JSON.stringify({ short, enough }));
`;

test("a name that cannot be resolved for want of descriptors is a shortage, otherwise the name's fault", async () => {
  const faults = new URL("../../src/network/faults.ts", import.meta.url).href;
  const command = 'ulimit -n 64; exec "$0" --input-type=module -e "$1" "$2"';
  const { stdout } = await promisify(execFile)("sh", ["-c", command, process.execPath, program, faults]);
  assert.deepEqual(JSON.parse(stdout), {
    short: ["shortage", "shortage", "this machine is short of file descriptors (EMFILE)"],
    enough: ["unreachable", "none"],
  });
});
