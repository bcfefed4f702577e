// The files of the page, as the build has put them into dist: read once, served by their exact names.

import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { packageRoot } from "../config/package.ts";

export interface Asset {
  contentType: string;
  body: Buffer;
}

export interface Assets {
  /** Undefined when there is no such file. The page itself is `page/index.html`. */
  find(name: string): Promise<Asset | undefined>;
}

/** What the page shares with the rest of the program. */
const sharedFiles = ["text/format.js"];

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

export function createAssets(folder = join(packageRoot(), "dist")): Assets {
  let loading: Promise<Map<string, Asset>> | undefined;
  return {
    async find(name) {
      loading ??= readAll(folder).catch((error) => {
        // Another time there may be a descriptor left.
        loading = undefined;
        throw error;
      });
      return (await loading).get(name);
    },
  };
}

async function readAll(folder: string): Promise<Map<string, Asset>> {
  const own = (await namesIn(join(folder, "page"))).map((name) => `page/${name}`);
  const assets = new Map<string, Asset>();
  for (const name of own.length === 0 ? [] : [...own, ...sharedFiles]) {
    const contentType = contentTypes[extname(name)];
    if (contentType !== undefined)
      assets.set(name, { contentType, body: await readFile(join(folder, name)) });
  }
  return assets;
}

/** None where nothing was built: a clone without `npm run build`. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
