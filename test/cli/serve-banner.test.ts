import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type BannerFacts, renderBanner } from "../../src/cli/serve/banner.ts";
import { shellSyntax } from "../../src/terminal/shells.ts";
import { fakeScreen } from "../terminal/support.ts";

function banner(facts: Partial<BannerFacts>, colour = false): string {
  const usual: BannerFacts = {
    version: "1.2.3",
    url: "http://127.0.0.1:3000",
    accounts: 2,
    demoFile: undefined,
    file: "/home/ann/.config/cc-relay/config.toml",
    named: undefined,
    byHand: undefined,
    program: "cc-relay",
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

  it("begins commands with npx where npx has started it", () => {
    const lines = banner({ program: "npx cc-relay", accounts: 0 }).split("\n");
    assert.deepEqual(lines.slice(6, 8), [
      '  next: in another terminal, eval "$(npx cc-relay env claude)" and start claude',
      "        add an account with npx cc-relay login claude",
    ]);
    const demo = banner({ program: "npx cc-relay", demoFile: "/tmp/demo/config.toml" });
    assert.match(demo, /^ {8}npx cc-relay --config \/tmp\/demo\/config.toml top$/m);
  });

  it("of a demo that `env` does not find shows what it would have printed", () => {
    const facts = {
      accounts: 7,
      demoFile: "/tmp/demo/config.toml",
      file: undefined,
      byHand: shellSyntax.fish,
    };
    assert.deepEqual(banner(facts).split("\n").slice(3), [
      "  accounts   7 simulated accounts: nothing leaves this machine",
      "  traffic    simulated clients, a request every few seconds",
      "",
      "  next: in another terminal, type this and start claude",
      "        set -gx ANTHROPIC_BASE_URL 'http://127.0.0.1:3000';",
      "        set -gx ANTHROPIC_AUTH_TOKEN 'demo';",
      "  look: in another terminal, run",
      "        cc-relay --config /tmp/demo/config.toml top",
      "        and the same with log, usage, accounts list or web in the place of top",
      "",
      "",
    ]);
  });
});
