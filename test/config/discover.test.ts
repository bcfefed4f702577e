import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { discoverConfig, findConfigTarget } from "../../src/config/discover.ts";
import { fakeEnvironment } from "./support.ts";

let folder: string;
let cwd: string;
let configFolder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "cc-relay-discover-"));
  cwd = join(folder, "work");
  configFolder = join(folder, "xdg/cc-relay");
  await mkdir(cwd, { recursive: true });
  await mkdir(configFolder, { recursive: true });
  for (const file of ["flag.toml", "variable.toml"]) await writeFile(join(folder, file), "");
});
after(() => rm(folder, { recursive: true, force: true }));

const environment = (env: Record<string, string> = {}) => fakeEnvironment({ env, cwd, configFolder });
const places = () => [join(cwd, "config.toml"), join(configFolder, "config.toml")];

test("each place is looked at in its turn, the last one first put in place", async () => {
  const none = await discoverConfig({ environment: environment() });
  assert.deepEqual(none, { file: undefined, target: places()[1], candidates: places() });

  await writeFile(join(configFolder, "config.toml"), "");
  assert.equal((await discoverConfig({ environment: environment() })).file, places()[1]);

  await writeFile(join(cwd, "config.toml"), "");
  const here = await discoverConfig({ environment: environment() });
  assert.deepEqual(here, { file: places()[0], target: places()[0], candidates: places() });

  const byVariable = await discoverConfig({
    environment: environment({ CC_RELAY_CONFIG: "../variable.toml" }),
  });
  const variable = join(folder, "variable.toml");
  assert.deepEqual(byVariable, { file: variable, target: variable, candidates: [variable] });

  const byFlag = await discoverConfig({
    flag: "../flag.toml",
    environment: environment({ CC_RELAY_CONFIG: "../variable.toml" }),
  });
  assert.equal(byFlag.file, join(folder, "flag.toml"));
});

test("an empty variable names nothing", async () => {
  const found = await discoverConfig({ environment: environment({ CC_RELAY_CONFIG: "" }) });
  assert.equal(found.candidates.length, 2);
});

test("a named file that is missing is an error, by flag and by variable", async () => {
  await assert.rejects(discoverConfig({ flag: "no.toml", environment: environment() }), {
    name: "UserError",
    message: `--config names the file ${join(cwd, "no.toml")}, and there is none`,
    fix: { instruction: "name an existing file, or leave --config out" },
    exitCode: 1,
  });
  await assert.rejects(discoverConfig({ environment: environment({ CC_RELAY_CONFIG: "/no/\u001b.toml" }) }), {
    message: "the environment variable CC_RELAY_CONFIG names the file /no/\\u001b.toml, and there is none",
    fix: { instruction: "name an existing file, or leave CC_RELAY_CONFIG out" },
  });
});

test("an empty flag is wrong usage", async () => {
  await assert.rejects(discoverConfig({ flag: "", environment: environment() }), { exitCode: 2 });
});

test("a command that writes may name a file that is not there yet", async () => {
  assert.equal(
    await findConfigTarget({ flag: "new.toml", environment: environment() }),
    join(cwd, "new.toml"),
  );
  const variable = environment({ CC_RELAY_CONFIG: "/new.toml" });
  assert.equal(await findConfigTarget({ environment: variable }), "/new.toml");
});
