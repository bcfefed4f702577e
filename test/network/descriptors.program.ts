// Names that cannot be resolved because this machine has no descriptor left.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

/**
 * Takes every descriptor, looks names up, and says what the relay makes of the errors: with none left, just after they were given
 * back, and later. The second part is a connection that began with none left, and failed when there were some.
 */
const program = `
  import { closeSync, openSync } from "node:fs";
  import { lookup } from "node:dns/promises";
  import { devNull } from "node:os";
  const { readNetworkFault, readShortage } = await import(process.argv[1]);
  const { openTcp } = await import(process.argv[2]);
  const { signal } = new AbortController();
  const now = performance.now.bind(performance);
  let later = 0;
  performance.now = () => now() + later;
  const failure = Object.assign(new Error("fetch failed"), {
    cause: Object.assign(new Error("getaddrinfo EAI_AGAIN"), { code: "EAI_AGAIN" }),
  });
  const take = () => {
    const taken = [];
    try {
      for (;;) taken.push(openSync(devNull));
    } catch {}
    return () => taken.forEach((each) => closeSync(each));
  };
  const giveBack = take();
  const error = await lookup("localhost").catch((error) => error);
  const short = [readNetworkFault(error).kind, readNetworkFault(failure).kind, readShortage(failure)];
  giveBack();
  const soon = readNetworkFault(failure).kind;
  later += 5000;
  const enough = [readNetworkFault(failure).kind, readShortage(failure) ?? "none"];
  const giveBackAll = take();
  const connecting = openTcp({ host: "localhost", port: 1 }, { signal, limitMs: 1000 }).catch(() => {});
  giveBackAll();
  const begun = readNetworkFault(failure).kind;
  await connecting;
  console.log(JSON.stringify({ short, soon, enough, begun }));
`;

test("a name that cannot be resolved for want of descriptors is a shortage, otherwise the name's fault", async () => {
  const faults = new URL("../../src/network/faults.ts", import.meta.url).href;
  const tcp = new URL("../../src/network/tcp.ts", import.meta.url).href;
  const command = 'ulimit -n 64; exec "$0" --input-type=module -e "$1" "$2" "$3"';
  const { stdout } = await promisify(execFile)("sh", ["-c", command, process.execPath, program, faults, tcp]);
  assert.deepEqual(JSON.parse(stdout), {
    short: ["shortage", "shortage", "this machine is short of file descriptors (EMFILE)"],
    soon: "shortage",
    enough: ["unreachable", "none"],
    begun: "shortage",
  });
});
