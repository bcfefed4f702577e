import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderChecks } from "../../src/cli/doctor/blocks.ts";
import { type Check, findingsOn } from "../../src/doctor/check.ts";
import { fakeScreen } from "../terminal/support.ts";

const relay = (label: string) => findingsOn("relay", label);
const client = (label: string) => findingsOn("clients", label);
const account = (id: string) => findingsOn("accounts", id, `account ${id}`);

const config = "/home/me/.config/cc-relay/config.toml";

const checks: Check[] = [
  findingsOn("machine", "node").ok("24.21.0"),
  findingsOn("machine", "clock").fail("10m ahead of api.anthropic.com", {
    instruction: "to set it, run:",
    command: "sudo timedatectl set-ntp true",
  }),
  relay("configuration").ok(`${config}: 3 accounts, 1 client key`),
  relay("file modes").warn(`others can read ${config} (mode 644), and it holds secrets`, {
    instruction: `to keep it private, run:`,
    command: `chmod 600 ${config} /home/me/.local/share/cc-relay/relay.db`,
  }),
  relay("database").ok("/home/me/.local/share/cc-relay/relay.db, 12.4 MB: sound"),
  relay("lock").ok("held by pid 4242"),
  relay("daemon").ok("pid 4242 answers at http://127.0.0.1:3000, version 0.1.0, started 2h 14m ago"),
  account("claude-max").ok("DNS, TCP, TLS and login are fine: api.anthropic.com"),
  account("the-one-of-the-office").needLogin("key refused: invalid x-api-key", {
    instruction: "to give another key, run:",
    command: "cc-relay login claude --id the-one-of-the-office --api-key",
  }),
  account("gemini-1").fail("proxy: the socks5 proxy 10.0.0.1:1080 refused the user name or password", {
    instruction: "check the proxy and the account's [accounts.proxy], then run:",
    command: "cc-relay doctor",
  }),
  client("claude").ok("2.1.330, /usr/local/bin/claude"),
  client("claude").fail(
    "ANTHROPIC_BASE_URL ends in /v1, and Claude Code adds its own: it would ask for /v1/v1/messages",
    { instruction: "to point it at the relay, run:", command: 'eval "$(cc-relay env claude)"' },
  ),
  client("gemini").fail(
    "GOOGLE_GEMINI_BASE_URL is set, and no authentication is chosen in /home/me/.gemini/settings.json: Gemini CLI then refuses to start",
    {
      instruction:
        'write {"security":{"auth":{"selectedType":"gemini-api-key"}}} into /home/me/.gemini/settings.json, or run:',
      command: "cc-relay run gemini",
    },
  ),
  client("codex").ok("not installed: no codex in PATH"),
];

const at80 = `machine
  ✓ node           24.21.0
  ✗ clock          10m ahead of api.anthropic.com
    - to set it, run: sudo timedatectl set-ntp true

relay
  ✓ configuration  /home/me/.config/cc-relay/config.toml: 3 accounts, 1 client
                   key
  ! file modes     others can read /home/me/.config/cc-relay/config.toml (mode
                   644), and it holds secrets
    - to keep it private, run:
      chmod 600 /home/me/.config/cc-relay/config.toml /home/me/.local/share/cc-relay/relay.db
  ✓ database       /home/me/.local/share/cc-relay/relay.db, 12.4 MB: sound
  ✓ lock           held by pid 4242
  ✓ daemon         pid 4242 answers at http://127.0.0.1:3000, version 0.1.0,
                   started 2h 14m ago

accounts
  ✓ claude-max     DNS, TCP, TLS and login are fine: api.anthropic.com
  ✗ the-one-of-the-office  key refused: invalid x-api-key
    - to give another key, run:
      cc-relay login claude --id the-one-of-the-office --api-key
  ✗ gemini-1       proxy: the socks5 proxy 10.0.0.1:1080 refused the user name
                   or password
    - check the proxy and the account's [accounts.proxy], then run:
      cc-relay doctor

clients
  ✓ claude         2.1.330, /usr/local/bin/claude
  ✗ claude         ANTHROPIC_BASE_URL ends in /v1, and Claude Code adds its own:
                   it would ask for /v1/v1/messages
    - to point it at the relay, run: eval "$(cc-relay env claude)"
  ✗ gemini         GOOGLE_GEMINI_BASE_URL is set, and no authentication is
                   chosen in /home/me/.gemini/settings.json: Gemini CLI then
                   refuses to start
    - write {"security":{"auth":{"selectedType":"gemini-api-key"}}} into
      /home/me/.gemini/settings.json, or run:
      cc-relay run gemini
  ✓ codex          not installed: no codex in PATH

14 checks: 8 fine, 1 warning, 5 failed
`;

const at120 = `machine
  ✓ node           24.21.0
  ✗ clock          10m ahead of api.anthropic.com
    - to set it, run: sudo timedatectl set-ntp true

relay
  ✓ configuration  /home/me/.config/cc-relay/config.toml: 3 accounts, 1 client key
  ! file modes     others can read /home/me/.config/cc-relay/config.toml (mode 644), and it holds secrets
    - to keep it private, run: chmod 600 /home/me/.config/cc-relay/config.toml /home/me/.local/share/cc-relay/relay.db
  ✓ database       /home/me/.local/share/cc-relay/relay.db, 12.4 MB: sound
  ✓ lock           held by pid 4242
  ✓ daemon         pid 4242 answers at http://127.0.0.1:3000, version 0.1.0, started 2h 14m ago

accounts
  ✓ claude-max     DNS, TCP, TLS and login are fine: api.anthropic.com
  ✗ the-one-of-the-office  key refused: invalid x-api-key
    - to give another key, run: cc-relay login claude --id the-one-of-the-office --api-key
  ✗ gemini-1       proxy: the socks5 proxy 10.0.0.1:1080 refused the user name or password
    - check the proxy and the account's [accounts.proxy], then run: cc-relay doctor

clients
  ✓ claude         2.1.330, /usr/local/bin/claude
  ✗ claude         ANTHROPIC_BASE_URL ends in /v1, and Claude Code adds its own: it would ask for /v1/v1/messages
    - to point it at the relay, run: eval "$(cc-relay env claude)"
  ✗ gemini         GOOGLE_GEMINI_BASE_URL is set, and no authentication is chosen in /home/me/.gemini/settings.json:
                   Gemini CLI then refuses to start
    - write {"security":{"auth":{"selectedType":"gemini-api-key"}}} into /home/me/.gemini/settings.json, or run:
      cc-relay run gemini
  ✓ codex          not installed: no codex in PATH

14 checks: 8 fine, 1 warning, 5 failed
`;

describe("doctor on a terminal", () => {
  const draw = (options: Parameters<typeof fakeScreen>[0]) => renderChecks(checks, fakeScreen(options));

  it("shows what it found by subject at 80 columns, and commands whole", () => {
    assert.equal(draw({ width: 80 }), at80);
  });

  it("has longer lines at 120 columns", () => {
    assert.equal(draw({ width: 120 }), at120);
  });

  it("repeats in colour what the words and signs say", () => {
    const signs = { "✓": 32, "!": 33, "✗": 31 };
    const expected = at80
      .replace(
        /^( {2})([✓!✗]) /gm,
        (_, space, sign: keyof typeof signs) => `${space}\u001b[${signs[sign]}m${sign}\u001b[39m `,
      )
      .replace(/^(machine|relay|accounts|clients)$/gm, "\u001b[1m$1\u001b[22m")
      .replace(/^(14 checks.*)$/m, "\u001b[2m$1\u001b[22m");
    assert.equal(draw({ width: 80, colour: true }), expected);
  });

  it("draws with ASCII where the terminal has no more", () => {
    assert.equal(draw({ width: 80, unicode: false }), at80.replaceAll("✓", "+").replaceAll("✗", "x"));
  });

  it("says in one word that all is fine, and leaves out what was not looked at", () => {
    const fine = [findingsOn("machine", "node").ok("24.21.0"), relay("lock").ok("free")];
    assert.equal(
      renderChecks(fine, fakeScreen({ width: 80 })),
      "machine\n  ✓ node  24.21.0\n\nrelay\n  ✓ lock  free\n\n2 checks: all fine\n",
    );
  });

  it("takes no command out of a sentence", () => {
    const advice = "ask whoever may run: this sentence is long enough for two lines, and names no command";
    assert.equal(
      renderChecks([account("a").fail("x", advice)], fakeScreen({ width: 60 })),
      "accounts\n  ✗ a  x\n    - ask whoever may run: this sentence is long enough for\n      two lines, and names no command\n\n1 check: 0 fine, 1 failed\n",
    );
  });

  it("lets no foreign text move the cursor or begin a line of its own", () => {
    const foreign = account("a\u001b[2Jb\nc").fail("x\r\ny\u0007", {
      instruction: "to fix, run:",
      command: "rm\nrf",
    });
    assert.equal(
      renderChecks([foreign], fakeScreen({ width: 80 })),
      "accounts\n  ✗ a [2Jb c  x y\n    - to fix, run: rm rf\n\n1 check: 0 fine, 1 failed\n",
    );
  });
});
