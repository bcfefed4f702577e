// Checks the version of Node.

import { type Check, findingsOn } from "./check.ts";

/** undici 8 and the zstd decoder of node:zlib need it; package.json and the start script say the same. */
const oldest = { major: 22, minor: 19 };

/** @param version as in `process.versions.node`. */
export function checkNode(version: string): Check {
  const findings = findingsOn("machine", "node");
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > oldest.major || (major === oldest.major && minor >= oldest.minor)) return findings.ok(version);
  return findings.fail(
    `Node ${version} is too old: cc-relay needs ${oldest.major}.${oldest.minor} or newer`,
    "get a newer one from https://nodejs.org",
  );
}
