// What `cc-relay service print` gives, read by the programs and schemas it is for.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { composeFile } from "../../src/cli/service/docker-compose.ts";
import { launchdPlist } from "../../src/cli/service/launchd.ts";
import { type ServiceSite, serveArguments } from "../../src/cli/service/site.ts";
import { systemdUnit } from "../../src/cli/service/systemd.ts";
import { odd, site } from "../cli/service-sites.ts";
import { install } from "../clients/install.ts";
import { type ClientPackage, cacheFolder, repository } from "../clients/packages.ts";

const sites: Record<string, ServiceSite> = {
  "a plain machine": site,
  "odd paths": odd,
  "root without a file": { ...site, configFile: undefined, user: { uid: 0, gid: 0 } },
  keys: { ...site, hasKeys: true, port: 4000 },
};

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "cc-relay-outside-"));
});
after(() => rmSync(folder, { recursive: true }));

for (const [name, each] of Object.entries(sites)) {
  test(`systemd-analyze has nothing to say against the unit of ${name}, and finds little exposed`, () => {
    const file = join(folder, "cc-relay.service");
    // What is verified exists: the binary is looked for.
    writeFileSync(file, systemdUnit({ ...each, node: process.execPath }));
    const verified = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
    assert.deepEqual([verified.status, verified.stdout + verified.stderr], [0, ""]);
    // In tenths: the manual calls up to 4.9 OK. V8 needs memory that it writes and runs, and a daemon of the network the network.
    const { status, stdout } = spawnSync(
      "systemd-analyze",
      ["security", "--offline=true", "--threshold=30", "--no-pager", file],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stdout.split("\n").slice(-3).join("\n"));
  });

  test(`Python's plistlib reads the property list of ${name} as it is meant`, () => {
    const script = "import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
    const read = execFileSync("python3", ["-c", script], { input: launchdPlist(each), encoding: "utf8" });
    const { Label, ProgramArguments, KeepAlive, RunAtLoad, Umask, SoftResourceLimits } = JSON.parse(read);
    assert.deepEqual(ProgramArguments, [each.node, ...serveArguments(each)]);
    assert.deepEqual(
      { Label, KeepAlive, RunAtLoad, Umask, SoftResourceLimits },
      {
        Label: "local.cc-relay",
        KeepAlive: { SuccessfulExit: false },
        RunAtLoad: true,
        Umask: 0o077,
        SoftResourceLimits: { NumberOfFiles: 65_536 },
      },
    );
  });
}

/** Brings the Compose specification's schema, a validator and a YAML parser. */
const linter: ClientPackage = {
  folder: "compose",
  packages: [{ name: "dclint", version: "3.1.0" }],
  program: "dclint",
};

interface ComposeFile {
  services: { "cc-relay": { volumes: { source: string }[]; command: string[] } };
}

test("the compose files fit the Compose specification's schema, and mean the paths they are given", async () => {
  await install(linter, cacheFolder());
  const modules = join(cacheFolder(), linter.folder, "node_modules");
  const load = createRequire(join(modules, "dclint", "package.json"));
  const { parse } = load("yaml") as { parse(text: string): unknown };
  const { default: Ajv } = load("ajv") as {
    default: new (
      options: object,
    ) => { compile(schema: object): ((value: unknown) => boolean) & { errors?: unknown } };
  };
  const schema = JSON.parse(readFileSync(join(modules, "dclint", "schemas", "compose.schema.json"), "utf8"));
  const { $schema: _, ...rules } = schema as Record<string, unknown>;
  const fits = new Ajv({ strict: false, validateFormats: false }).compile(rules);
  const read = (text: string) => {
    const document = parse(text) as ComposeFile;
    assert.ok(fits(document), JSON.stringify(fits.errors));
    return document.services["cc-relay"];
  };
  for (const each of Object.values(sites)) {
    const { volumes, command } = read(composeFile(each));
    // Compose itself replaces what begins with a dollar sign, and "$$" is one.
    const plain = (text: string | undefined) => text?.replaceAll("$$", "$");
    assert.equal(plain(volumes.at(-1)?.source), each.dataFolder);
    const config = each.configFile === undefined ? [] : ["--config", each.configFile];
    assert.deepEqual(command.slice(0, config.length).map(plain), config);
  }
  read(readFileSync(join(repository, "docker-compose.yml"), "utf8"));
  assert.equal(fits({ services: { "cc-relay": { comand: [] } } }), false, "the schema refuses what is wrong");
});
