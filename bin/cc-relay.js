#!/usr/bin/env node
// Runs on every Node since 12, so that one which is too old gets a sentence instead of a syntax error.

const version = process.versions.node.split(".").map(Number);

if (version[0] > 22 || (version[0] === 22 && version[1] >= 19)) {
  // Compiled code is kept in the system's temporary folder: from the second start on, half of the start-up time is gone.
  require("node:module").enableCompileCache();
  // The bodies of requests pass through as memory that V8 collects whole heaps for; with its own pace that is half of the cost of a long prompt.
  require("node:v8").setFlagsFromString("--heap-growing-percent=200");
  import("../dist/main.js");
} else {
  process.stderr.write(
    `cc-relay needs Node 22.19 or newer, and this is Node ${process.versions.node} (${process.execPath}): get one from https://nodejs.org\n`,
  );
  process.exitCode = 2;
}
