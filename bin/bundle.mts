// Makes `dist` from the sources: a few files instead of some five hundred modules, whose finding and reading would be half of
// the program's start. What is loaded late stays in files of its own.

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Metafile } from "esbuild";

const root = join(import.meta.dirname, "..");
const out = join(root, "dist");

/** Programs that are started by the name of their file. They lie beside `main`, so that it finds them in its own folder. */
const programs = {
  main: "src/main.ts",
  "conversion-worker": "src/dialects/chat/conversion-worker.ts",
  process: "src/app/refresh-process/process.ts",
  "integrity-process": "src/doctor/integrity-process.ts",
  "cli/service/health-check": "src/cli/service/health-check.ts",
};

/** Found at run time: a native module, one of which single files are loaded, and one that has a script beside it. */
const external = ["better-sqlite3", "undici", "open"];

rmSync(out, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: programs,
  outdir: out,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22.19",
  external,
  // CommonJS packages ask for Node's modules with `require`.
  banner: {
    js: 'import { createRequire as createBundleRequire } from "node:module"; const require = createBundleRequire(import.meta.url);',
  },
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});
writeFileSync(join(out, "THIRD-PARTY-LICENSES.txt"), licences(metafile));

/** The licences of the packages whose code is in the bundle. */
function licences({ inputs }: Metafile): string {
  const folders = new Set(
    Object.keys(inputs).flatMap((name) => name.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []),
  );
  return [...folders].sort().map(licenceOf).join("\n\n");
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(
    readFileSync(join(root, folder, "package.json"), "utf8"),
  ) as Record<string, string>;
  const file = ["LICENSE", "LICENSE.md", "LICENSE.txt", "license", "LICENCE"]
    .map((each) => join(root, folder, each))
    .find((path) => existsSync(path));
  return `${name} ${version} (${license})\n\n${file === undefined ? "" : readFileSync(file, "utf8")}`;
}
