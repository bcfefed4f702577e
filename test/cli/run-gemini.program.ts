import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { createRunPlace, type RunPlace } from "./run-place.ts";

let place: RunPlace;
beforeEach(async () => {
  place = await createRunPlace();
});
afterEach(() => place.close());

describe("run gemini", () => {
  const gemini = () =>
    place.run(
      { client: "gemini" },
      { env: place.environment({ GEMINI_CLI_HOME: place.folder, GOOGLE_API_KEY: "own" }) },
    );

  it("gives the client a home with our choice of authentication and everything else of its own", async () => {
    mkdirSync(join(place.folder, ".gemini", "tmp"), { recursive: true });
    writeFileSync(join(place.folder, ".gemini", "trustedFolders.json"), "{}");
    const own = `{
  // the theme
  "ui": { "theme": "A // B" }, /* and more */
  "security": { "auth": { "selectedType": "oauth-personal", "useExternal": false } }
}`;
    writeFileSync(join(place.folder, ".gemini", "settings.json"), own);
    place.install(
      "gemini",
      `fs.writeFileSync(home + "/.gemini/tmp/chat", "kept");
       fs.writeFileSync(home + "/.gemini/settings.json", "{}");`,
    );
    await gemini();
    const { env, home, settings } = place.seen();
    assert.deepEqual(settings, {
      ui: { theme: "A // B" },
      security: { auth: { selectedType: "gemini-api-key", useExternal: false } },
    });
    assert.equal(env.GOOGLE_GEMINI_BASE_URL, `http://127.0.0.1:${place.port}/gemini`);
    assert.equal(env.GEMINI_API_KEY, "relay-key");
    assert.equal(env.GOOGLE_API_KEY, undefined);
    assert.notEqual(home, place.folder);
    assert.equal(readFileSync(join(place.folder, ".gemini", "settings.json"), "utf8"), own);
    assert.equal(readFileSync(join(place.folder, ".gemini", "tmp", "chat"), "utf8"), "kept");
  });

  it("removes that home afterwards, also when the client fails, and nothing it leads to", async () => {
    mkdirSync(join(place.folder, ".gemini", "tmp"), { recursive: true });
    writeFileSync(join(place.folder, ".gemini", "tmp", "chat"), "mine");
    place.install("gemini", "process.exit(1)");
    await gemini();
    assert.equal(existsSync(place.seen().home ?? place.folder), false);
    assert.equal(readFileSync(join(place.folder, ".gemini", "tmp", "chat"), "utf8"), "mine");
  });

  it("keeps what the client writes there itself, its history foremost", async () => {
    mkdirSync(join(place.folder, ".gemini"));
    writeFileSync(join(place.folder, ".gemini", "projects.json"), "old");
    place.install(
      "gemini",
      `const inner = home + "/.gemini/";
       fs.mkdirSync(inner + "history");
       fs.writeFileSync(inner + "history/one", "new");
       fs.writeFileSync(inner + "projects.json.tmp", "renamed");
       fs.renameSync(inner + "projects.json.tmp", inner + "projects.json");`,
    );
    await gemini();
    assert.equal(readFileSync(join(place.folder, ".gemini", "history", "one"), "utf8"), "new");
    assert.equal(readFileSync(join(place.folder, ".gemini", "projects.json"), "utf8"), "renamed");
    assert.deepEqual(readdirSync(join(place.folder, ".gemini")).sort(), ["history", "projects.json"]);
    assert.equal(existsSync(place.seen().home ?? place.folder), false);
  });

  it("lets nobody else read that home", async () => {
    place.install(
      "gemini",
      `fs.writeFileSync(${JSON.stringify(join(place.folder, "modes"))}, [home, home + "/.gemini/settings.json"].map((file) => (fs.statSync(file).mode & 0o777).toString(8)).join());`,
    );
    await gemini();
    assert.equal(readFileSync(join(place.folder, "modes"), "utf8"), "700,600");
  });

  it("needs no home where the settings already say it", async () => {
    mkdirSync(join(place.folder, ".gemini"));
    writeFileSync(
      join(place.folder, ".gemini", "settings.json"),
      '{"security":{"auth":{"selectedType":"gemini-api-key"}}}',
    );
    place.install("gemini");
    await gemini();
    assert.equal(place.seen().home, place.folder);
  });

  it("works for somebody who has never started Gemini CLI", async () => {
    place.install("gemini");
    await gemini();
    assert.deepEqual(place.seen().settings, { security: { auth: { selectedType: "gemini-api-key" } } });
    assert.equal(existsSync(join(place.folder, ".gemini")), false);
  });

  it("says so when the settings cannot be read", async () => {
    mkdirSync(join(place.folder, ".gemini"));
    writeFileSync(join(place.folder, ".gemini", "settings.json"), "{");
    place.install("gemini");
    await assert.rejects(gemini(), { name: "UserError", message: /settings\.json is not valid JSON$/ });
    assert.equal(existsSync(join(place.folder, "seen.json")), false);
  });

  it("takes settings with comments and a byte order mark as they are", async () => {
    mkdirSync(join(place.folder, ".gemini"));
    const settings = '\ufeff{ // mine\n"ui":{"theme":"http://x"}}';
    writeFileSync(join(place.folder, ".gemini", "settings.json"), settings);
    place.install("gemini");
    await gemini();
    assert.equal(existsSync(join(place.folder, "seen.json")), true);
  });

  it("warns of a folder whose own settings choose otherwise", async () => {
    const work = join(place.folder, "work");
    mkdirSync(join(work, ".gemini"), { recursive: true });
    writeFileSync(
      join(work, ".gemini", "settings.json"),
      '{"security":{"auth":{"selectedType":"vertex-ai"}}}',
    );
    place.install("gemini");
    const { out } = await place.run(
      { client: "gemini" },
      { cwd: work, env: place.environment({ GEMINI_CLI_HOME: place.folder }) },
    );
    assert.equal(
      out.stderr.text(),
      `! ${work}/.gemini/settings.json chooses the authentication "vertex-ai": Gemini CLI will pass the relay by
  - write "gemini-api-key" there instead, or start it in another folder
`,
    );
  });
});
