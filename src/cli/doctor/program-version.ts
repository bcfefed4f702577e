// Asks another program for its version, without letting it do anything else.

import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { changedEnvironment, type Environment } from "../../terminal/environment.ts";

export interface VersionOptions {
  env: Environment;
  platform: NodeJS.Platform;
  limitMs: number;
}

/** Undefined when it does not say one in time. */
export function readProgramVersion(file: string, options: VersionOptions): Promise<string | undefined> {
  const { platform, limitMs } = options;
  // Windows starts npm's shims through its shell only.
  const isShim = platform === "win32" && /\.(cmd|bat)$/i.test(file);
  return new Promise((resolve) => {
    const child = execFile(
      isShim ? `"${file}"` : file,
      ["--version"],
      {
        env: changedEnvironment(options.env, { set: withoutNetwork }, platform),
        // Not the user's folder: a client can have settings there that start programs.
        cwd: tmpdir(),
        timeout: limitMs,
        killSignal: "SIGKILL",
        maxBuffer: 64 * 1024,
        windowsHide: true,
        shell: isShim,
      },
      (_error, stdout) => resolve(/\d+\.\d+\.\d+[\w.+-]*/.exec(stdout)?.[0]),
    );
    child.stdin?.end();
  });
}

/** No program listens on the discard port: whatever is asked for fails at once. */
const closedProxy = "http://127.0.0.1:9";

const withoutNetwork = {
  HTTP_PROXY: closedProxy,
  HTTPS_PROXY: closedProxy,
  http_proxy: closedProxy,
  https_proxy: closedProxy,
  ALL_PROXY: closedProxy,
  NO_PROXY: "",
  no_proxy: "",
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  DISABLE_AUTOUPDATER: "1",
  DISABLE_TELEMETRY: "1",
};
