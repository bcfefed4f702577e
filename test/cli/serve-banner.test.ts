import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type BannerFacts, renderBanner } from "../../src/cli/serve/banner.ts";
import { shellSyntax } from "../../src/terminal/shells.ts";
import { openTerminal, type Terminal } from "../clients/terminal.ts";
import { fakeScreen } from "../terminal/support.ts";

function banner(facts: Partial<BannerFacts>, colour = false): string {
  const usual: BannerFacts = {
    version: "1.2.3",
    url: "http://127.0.0.1:3000",
    accounts: 2,
    isDemo: false,
    file: "/home/ann/.config/cc-relay/config.toml",
    named: undefined,
    byHand: undefined,
  };
  return renderBanner({ ...usual, ...facts }, fakeScreen({ colour }));
}

describe("the banner of serve", () => {
  const text = `cc-relay 1.2.3

  endpoint   http://127.0.0.1:3000
  accounts   2 accounts
  config     /home/ann/.config/cc-relay/config.toml

  next: in another terminal, eval "$(cc-relay env claude)" and start claude

`;

  it("says where the relay is, what it serves and what to type next", () => {
    assert.equal(banner({}), text);
    assert.equal(
      banner({}, true),
      text
        .replace("cc-relay 1", "\u001b[1mcc-relay\u001b[22m 1")
        .replace("http://127.0.0.1:3000", "\u001b[36m$&\u001b[39m")
        .replace(/eval .*"/, "\u001b[1m$&\u001b[22m"),
    );
  });

  it("names a file that commands in another folder would not find", () => {
    const file = "/srv/my relay/config.toml";
    const lines = banner({ file, named: file, accounts: 0 }).split("\n");
    assert.deepEqual(lines.slice(3), [
      "  accounts   none yet: requests go on with the client's own credential",
      `  config     ${file}`,
      "",
      `  next: in another terminal, eval "$(cc-relay --config '${file}' env claude)" and start claude`,
      `        add an account with cc-relay --config '${file}' login claude`,
      "",
      "",
    ]);
  });

  it("of a demo that `env` does not find shows what it would have printed", () => {
    const facts = { accounts: 6, isDemo: true, file: undefined, byHand: shellSyntax.fish };
    assert.deepEqual(banner(facts).split("\n").slice(3), [
      "  accounts   6 simulated accounts: nothing leaves this machine",
      "  config     no file, defaults",
      "",
      "  next: in another terminal, type this and start claude",
      "        set -gx ANTHROPIC_BASE_URL 'http://127.0.0.1:3000';",
      "        set -gx ANTHROPIC_AUTH_TOKEN 'demo';",
      "",
      "",
    ]);
  });
});

describe("on a terminal, serve", () => {
  async function serve(t: TestContext, args: (folder: string) => string[]): Promise<[Terminal, string]> {
    const folder = await mkdtemp(join(tmpdir(), "cc-relay-banner-"));
    await writeFile(join(folder, "config.toml"), '[server]\nport = 0\ndatabase_path = "relay.db"\n');
    const terminal = openTerminal({
      file: process.execPath,
      args: [fileURLToPath(new URL("../../src/main.ts", import.meta.url)), ...args(folder)],
      env: { PATH: process.env.PATH ?? "", HOME: folder, LANG: "C.UTF-8", TERM: "xterm" },
      cwd: folder,
    });
    t.after(async () => {
      await terminal.close();
      await rm(folder, { recursive: true, force: true });
    });
    return [terminal, folder];
  }

  it("shows the address of a demo on a port of its own, which `env` would not find", async (t) => {
    const [terminal] = await serve(t, () => ["serve", "--demo", "--port", "0"]);
    await terminal.shows(/listening/);
    const url = /endpoint(http:\/\/127\.0\.0\.1:[1-9]\d*)accounts6simulated/.exec(terminal.seen())?.[1];
    assert.ok(url, terminal.seen());
    assert.ok(terminal.seen().includes(`exportANTHROPIC_BASE_URL='${url}'`), terminal.seen());
  });

  it("names the configuration of its folder, which no command in another one finds", async (t) => {
    const [terminal, folder] = await serve(t, () => ["serve"]);
    await terminal.shows(`eval "$(cc-relay --config ${folder}/config.toml env claude)" and start claude`);
  });
});
