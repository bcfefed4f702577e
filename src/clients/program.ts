// Finds an installed program the way a shell would, and asks it for its version without letting it do anything else.

import { type ChildProcess, spawn } from "node:child_process";
import { access, constants, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { changedEnvironment, type Environment } from "../terminal/environment.ts";

export interface VersionOptions {
  env: Environment;
  platform: NodeJS.Platform;
  limitMs: number;
}

/** Undefined when it does not say one in time. */
export function readProgramVersion(file: string, options: VersionOptions): Promise<string | undefined> {
  const { platform, limitMs } = options;
  const isWindows = platform === "win32";
  // Windows starts npm's shims through its shell only.
  const isShim = isWindows && /\.(cmd|bat)$/i.test(file);
  const child = spawn(isShim ? `"${file}"` : file, ["--version"], {
    env: changedEnvironment(options.env, { set: withoutNetwork }, platform),
    // Not the user's folder: a client can have settings there that start programs.
    cwd: tmpdir(),
    stdio: ["ignore", "pipe", "ignore"],
    shell: isShim,
    windowsHide: true,
    // A group of its own, to end what it has started too.
    detached: !isWindows,
  });
  return new Promise((resolve) => {
    let text = "";
    const finish = () => {
      clearTimeout(timer);
      end(child, isWindows);
      resolve(/(?<!\d)\d{1,9}\.\d{1,9}\.\d{1,9}[\w.+-]{0,60}/.exec(text)?.[0]);
    };
    const timer = setTimeout(finish, limitMs);
    child.on("error", finish);
    child.on("close", finish);
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.length > maxCharacters) finish();
    });
  });
}

const maxCharacters = 64 * 1024;

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

function end(child: ChildProcess, isWindows: boolean): void {
  child.stdout?.destroy();
  if (child.pid === undefined) return;
  try {
    if (isWindows) child.kill();
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // All of them have ended already.
  }
}

/** The absolute path of the first executable of that name in PATH; undefined when there is none. */
export async function findProgram(
  name: string,
  { env, platform }: { env: Environment; platform: NodeJS.Platform },
): Promise<string | undefined> {
  const folders = (env.PATH ?? env.Path ?? "").split(delimiter).filter((folder) => folder !== "");
  // npm's shims on Windows are name.cmd beside a shell script without an ending, which cannot be started there.
  const endings = platform === "win32" ? (env.PATHEXT ?? ".EXE;.CMD").split(";") : [""];
  for (const folder of folders) {
    for (const ending of endings) {
      const file = join(folder, name + ending);
      if (await isExecutable(file)) return file;
    }
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
