// Makes `dist` from the sources: a few files instead of some five hundred modules, whose finding and reading would be half of
// the program's start. What is loaded late stays in files of its own.

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";
import { packagedPrices } from "../src/usage/packaged-prices.ts";
import { undiciFiles } from "./undici-files.mts";

const root = join(import.meta.dirname, "..");
/** Another folder of the package can be named. */
const out = join(root, process.argv[2] ?? "dist");

/** Programs that are started by the name of their file. They lie beside `main`, so that it finds them in its own folder. */
const programs = {
  main: "src/main.ts",
  "conversion-worker": "src/dialects/chat/conversion-worker.ts",
  process: "src/app/refresh-process/process.ts",
  "integrity-process": "src/doctor/integrity-process.ts",
  "cli/service/health-check": "src/cli/service/health-check.ts",
};

/** Found at run time: it has a script beside it. */
const external = ["open"];

/** The prices as text: V8 reads JSON several times as fast as the same as code. */
const pricesAsData: Plugin = {
  name: "prices-as-data",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]usage[\\/]packaged-prices\.ts$/ }, () => ({
      contents: `export const packagedPrices = () => JSON.parse(${JSON.stringify(JSON.stringify(packagedPrices()))});`,
      loader: "js",
    }));
  },
};
/**
 * Of undici what undici-files.mts names, less HTTP/2, which is off and would load Node's; what is asked for late stays where it is: the
 * bodies of fetch. The parser in WebAssembly comes with the bundle: the first connection loads it, and there may be no descriptor left then.
 */
const partOfUndici: Plugin = {
  name: "part-of-undici",
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /[\\/]src[\\/]network[\\/]undici\.ts$/ }, () => ({
      contents: `
        ${Object.entries(undiciFiles)
          .map(([name, file]) => `import ${name} from "${file}";`)
          .join("\n")}
        export const core = { ${Object.keys(undiciFiles)} };`,
      resolveDir: root,
      loader: "js",
    }));
    onLoad({ filter: /[\\/]undici[\\/]lib[\\/]dispatcher[\\/]client-h2\.js$/ }, () => ({
      contents: 'module.exports = () => { throw new Error("HTTP/2 is off"); };',
      loader: "js",
    }));
    // As a whole, for commands that check connections.
    onResolve({ filter: /^undici$/ }, ({ path }) => ({ path, external: true }));
    onResolve({ filter: /^\.\.\/(web|milo)\// }, ({ path, importer }) => {
      if (!/[\\/]undici[\\/]lib[\\/][^\\/]+[\\/][^\\/]+$/.test(importer)) return undefined;
      return { path: path.replace(/^\.\.\//, "undici/lib/"), external: true };
    });
  },
};
/** Of better-sqlite3 all but what finds its native part, which is beside that file. */
const allButNative: Plugin = {
  name: "all-but-native",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]better-sqlite3[\\/]lib[\\/]binding\.js$/ }, () => ({
      contents: `
        import { createRequire } from "node:module";
        import { dirname, join } from "node:path";
        const load = createRequire(import.meta.url);
        export const { getBinding } = load(join(dirname(load.resolve("better-sqlite3")), "binding.js"));`,
      loader: "js",
    }));
  },
};
/** The package that the prices are from. */
const embedded = ["node_modules/@pydantic/genai-prices"];

const usual = {
  absWorkingDir: root,
  outdir: out,
  bundle: true,
  platform: "node",
  target: "node22.19",
  external,
  plugins: [pricesAsData, partOfUndici, allButNative],
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
} satisfies BuildOptions;
rmSync(out, { recursive: true, force: true });
const { metafile } = await build({
  ...usual,
  entryPoints: programs,
  format: "esm",
  splitting: true,
  // CommonJS packages ask for Node's modules with `require`.
  banner: {
    js: 'import { createRequire as createBundleRequire } from "node:module"; const require = createBundleRequire(import.meta.url);',
  },
});
// The daemon's own form of `main`: one file, and no module of ECMAScript, whose loading (finding seventy files, decoding them, a face for
// each of Node's modules) would be two thirds of its start.
await build({
  ...usual,
  entryPoints: { serve: "src/main.ts" },
  format: "cjs",
  outExtension: { ".js": ".cjs" },
  define: {
    "import.meta.url": "__filename",
    "import.meta.dirname": "__dirname",
    "import.meta.filename": '"main.js"',
  },
});
writeFileSync(join(out, "THIRD-PARTY-LICENSES.txt"), licences(metafile));

/** The licences of the packages whose code is in the bundle. */
function licences({ inputs }: Metafile): string {
  const folders = new Set([
    ...Object.keys(inputs).flatMap((name) => name.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []),
    ...embedded,
  ]);
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
