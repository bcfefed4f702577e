// A home and a workspace of its own for one client: nothing of the user's configuration is read, and nothing but loopback is reached.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { programFolders, repository } from "./packages.ts";

export interface Sandbox {
  readonly home: string;
  readonly workspace: string;
  /** What every program in here gets: no variable of this process but these. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes a file below the home or the workspace. */
  write(where: "home" | "workspace", path: string, content: string): Promise<void>;
  remove(): Promise<void>;
}

/** No program listens on the discard port: whatever goes there fails at once. */
const closedProxy = "http://127.0.0.1:9";

export async function createSandbox(): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-client-"));
  const home = join(folder, "home");
  const workspace = join(folder, "workspace");
  await mkdir(home);
  await mkdir(workspace);
  return {
    home,
    workspace,
    env: {
      PATH: [...programFolders(), dirname(process.execPath), "/usr/bin", "/bin"].join(":"),
      HOME: home,
      LANG: "C.UTF-8",
      TERM: "xterm-256color",
      HTTP_PROXY: closedProxy,
      HTTPS_PROXY: closedProxy,
      http_proxy: closedProxy,
      https_proxy: closedProxy,
      NO_PROXY: "127.0.0.1,localhost",
      no_proxy: "127.0.0.1,localhost",
    },
    async write(where, path, content) {
      const file = join(where === "home" ? home : workspace, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    },
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}

/** How the relay's own command is started. */
export const relayCommand = [process.execPath, join(repository, "bin", "cc-relay.js")] as const;
