import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { patient } from "../support/patience.ts";
import { createSite, type Site } from "./doctor-site.ts";

async function siteFor(t: TestContext): Promise<Site> {
  const site = await createSite();
  t.after(() => site.close());
  return site;
}

interface Case {
  title: string;
  plant(site: Site): Promise<unknown> | unknown;
  /** All that is not fine then; none of the healthy machine is. */
  found: string[];
  code: number;
}

const origin = (site: Site) => `http://127.0.0.1:${site.port}`;
const pointClaude = 'to point it at the relay, run: eval "$(cc-relay env claude)"';
const chooseAuth = (file: string) =>
  `write {"security":{"auth":{"selectedType":"gemini-api-key"}}} into ${file}, or run: cc-relay run gemini`;
const geminiSettings = "FOLDER/home/.gemini/settings.json";

const cases: Case[] = [
  {
    title: "ANTHROPIC_API_KEY beside ANTHROPIC_AUTH_TOKEN",
    plant: ({ env }) => Object.assign(env, { ANTHROPIC_API_KEY: "sk-ant-api03-made-up" }),
    found: [
      "warn claude: ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN are both set: Claude Code sends both, and asks about the first -> to remove it from this shell, run: unset ANTHROPIC_API_KEY",
    ],
    code: 0,
  },
  {
    title: "a base URL of Claude Code that ends in /v1",
    plant: (site) => Object.assign(site.env, { ANTHROPIC_BASE_URL: `${origin(site)}/v1/` }),
    found: [
      `fail claude: ANTHROPIC_BASE_URL ends in /v1, and Claude Code adds its own: it would ask for /v1/v1/messages -> ${pointClaude}`,
    ],
    code: 1,
  },
  {
    title: "HTTP_PROXY without NO_PROXY",
    plant: ({ env }) => Object.assign(env, { HTTP_PROXY: "http://10.0.0.1:3128" }),
    found: [
      "warn proxy: HTTP_PROXY is set and NO_PROXY does not name 127.0.0.1: clients send what is for the relay to the proxy -> to except the relay, run: export NO_PROXY='127.0.0.1,localhost'",
    ],
    code: 0,
  },
  {
    title: "Gemini CLI without its choice of authentication",
    plant: ({ home }) => rm(join(home, ".gemini"), { recursive: true }),
    found: [
      `fail gemini: GOOGLE_GEMINI_BASE_URL is set, and no authentication is chosen in ${geminiSettings}: Gemini CLI then refuses to start -> ${chooseAuth(geminiSettings)}`,
    ],
    code: 1,
  },
];

describe("doctor finds what is wrong with the clients:", () => {
  for (const { title, plant, found, code } of cases) {
    it(title, async (t) => {
      const site = await siteFor(t);
      await plant(site);
      assert.deepEqual(await site.faults(), { found, code });
    });
  }

  it("asks a client for its version without the network, and does not wait for one that hangs", async (t) => {
    const site = await siteFor(t);
    site.site.limitMs = Math.ceil(patient(500));
    const log = join(site.folder, "asked");
    const ask = `#!/bin/sh\necho "$@ $HTTPS_PROXY $https_proxy $NO_PROXY" > ${log}\necho 9.9.9\n`;
    await site.write("bin/claude", ask, 0o700);
    await site.write("bin/codex", "#!/bin/sh\n/bin/sleep 30\n", 0o700);
    const startedAt = performance.now();
    const { checks } = await site.document();
    assert.ok(performance.now() - startedAt < patient(3000));
    const details = checks.map(({ name, detail }) => `${name}: ${detail.replace(site.home, "HOME")}`);
    assert.ok(details.includes("claude: 9.9.9, HOME/bin/claude"), details.join("\n"));
    assert.ok(details.includes("codex: version not said in time, HOME/bin/codex"), details.join("\n"));
    assert.equal((await readFile(log, "utf8")).trim(), "--version http://127.0.0.1:9 http://127.0.0.1:9");
  });
});
