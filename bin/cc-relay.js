#!/usr/bin/env node
// Runs on every Node since 12, so that one which is too old gets a sentence instead of a syntax error.

const version = process.versions.node.split(".").map(Number);

if (version[0] > 22 || (version[0] === 22 && version[1] >= 19)) {
  keepCompiledCode();
  // Later versions may not know these, and V8 would complain of each.
  if (version[0] <= 26) tune();
  // The same program, made for the daemon's start.
  if (process.argv.includes("serve")) require("../dist/serve.cjs");
  else import("../dist/main.js");
} else {
  process.stderr.write(
    `cc-relay needs Node 22.19 or newer, and this is Node ${process.versions.node} (${process.execPath}): get one from https://nodejs.org\n`,
  );
  process.exitCode = 2;
}

function tune() {
  const { setFlagsFromString } = require("node:v8");
  // The bodies of requests pass through as memory that V8 collects whole heaps for; with its own pace that is half of the cost of a long prompt.
  setFlagsFromString("--heap-growing-percent=200");
  // A burst of requests at the start makes V8 allocate their objects where only whole collections find them, and it stays so.
  setFlagsFromString("--no-allocation-site-pretenuring");
}

/** From the second start on, a third of the start-up time is gone. A folder that cannot be written costs that and nothing else. */
function keepCompiledCode() {
  // Not in the temporary folder, where another user could put code for us to run.
  const { homedir } = require("node:os");
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  try {
    const folder = XDG_CACHE_HOME || LOCALAPPDATA || `${homedir()}/.cache`;
    // A home that is not there is not made, either.
    if (require("node:fs").existsSync(XDG_CACHE_HOME || LOCALAPPDATA || homedir()))
      require("node:module").enableCompileCache(`${folder}/cc-relay`);
  } catch {
    // A user without a home.
  }
}
