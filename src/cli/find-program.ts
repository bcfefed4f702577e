// Finds a program the way a shell would.

import { access, constants, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Environment } from "../terminal/environment.ts";

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
