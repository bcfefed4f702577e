// Puts the clients into the cache with npm. A folder appears there only when it is complete, so that a broken download is not reused.

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { type ClientPackage, cacheVariable, isInstalled } from "./packages.ts";

/** Rejects with an Error that says in one sentence what is missing and why. */
export async function install(client: ClientPackage, cache: string): Promise<"reused" | "installed"> {
  if (isInstalled(client, cache)) return "reused";
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, `.${client.folder}-`));
  try {
    writeFileSync(join(folder, "package.json"), '{"private":true}\n');
    const specifiers = client.packages.map(({ name, version }) => `${name}@${version}`);
    await runNpm(
      ["install", "--save-exact", "--no-audit", "--no-fund", "--loglevel=error", ...specifiers],
      folder,
    );
    const target = join(cache, client.folder);
    rmSync(target, { recursive: true, force: true });
    renameSync(folder, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (isInstalled(client, cache)) return "installed";
  throw new Error(`npm reported success, but ${client.packages[0]?.name} is not complete in ${cache}`);
}

async function runNpm(args: string[], folder: string): Promise<void> {
  // npm runs on the Node it finds: an older one would quietly choose an older release of some packages.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}` };
  const shell = process.platform === "win32";
  const failure = await new Promise<string | undefined>((resolve) => {
    execFile("npm", args, { cwd: folder, env, shell }, (error, _stdout, stderr) =>
      resolve(error ? firstLines(stderr) || error.message : undefined),
    );
  });
  if (failure === undefined) return;
  const unreachable = /E(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH)/;
  const what = unreachable.test(failure)
    ? "the npm registry cannot be reached, and the clients are not in the cache yet"
    : `npm could not install ${args.at(-1)}`;
  throw new Error(
    `${what}; install them where there is a network and name the folder with ${cacheVariable}\n${failure}`,
  );
}

/** npm says first what is wrong, then where in its own code. */
function firstLines(text: string): string {
  return text.trim().split("\n").slice(0, 4).join("\n");
}
