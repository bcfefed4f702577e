import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { guessShell, shellSyntax, shellWord } from "../../src/terminal/shells.ts";
import { assertKeysSurvive, assertRemoved, keys } from "./shell-lines.ts";

// zsh and fish are asked by the suite of programs that are not on every machine.
const installedEverywhere = ["sh", "bash"];

describe("lines that set a variable", () => {
  for (const command of installedEverywhere) {
    it(`mean exactly the key, whatever it is made of, in ${command}`, () => {
      assertKeysSurvive({ command, shell: "sh", takeOver: (file) => `eval "$(cat '${file}')"` });
    });
  }

  it("in cmd refuse what it cannot quote and leave the rest as it is", () => {
    const { set } = shellSyntax.cmd;
    assert.equal(set("KEY", "plain-key_1 & more | <x> ()"), 'set "KEY=plain-key_1 & more | <x> ()"');
    for (const value of ['a"b', "a%b", "a!b", "a^b", "a\nb", "ä"]) assert.equal(set("KEY", value), undefined);
  });

  it("in PowerShell are one line, with typographic quotes doubled and control characters outside", () => {
    const { set } = shellSyntax.powershell;
    assert.equal(set("KEY", "it's $x `n"), "$env:KEY = 'it''s $x `n'");
    assert.equal(set("KEY", "a‘b’c"), "$env:KEY = 'a‘‘b’’c'");
    assert.equal(set("KEY", "a\nb"), "$env:KEY = 'a' + [char]0x0a + 'b'");
    assert.equal(set("KEY", "\n\n"), "$env:KEY = '' + [char]0x0a + [char]0x0a");
    assert.equal(set("KEY", ""), "$env:KEY = ''");
  });

  it("are a single line in fish, PowerShell and cmd", () => {
    fc.assert(
      fc.property(keys, (key) => {
        for (const shell of ["fish", "powershell", "cmd"] as const) {
          assert.doesNotMatch(shellSyntax[shell].set("KEY", key) ?? "", /[\r\n]/);
        }
      }),
    );
  });
});

describe("lines that remove a variable", () => {
  for (const command of installedEverywhere) {
    it(`leave it unset in ${command}`, () => {
      const line = shellSyntax.sh.unset("KEY");
      assertRemoved(command, `KEY=1; export KEY; eval "${line}"; printf '%s' "\${KEY-gone}"`);
    });
  }

  it("have the form of their shell", () => {
    assert.deepEqual(
      (["sh", "fish", "powershell", "cmd"] as const).map((shell) => shellSyntax[shell].unset("KEY")),
      ["unset KEY", "set -e KEY;", "Remove-Item -ErrorAction SilentlyContinue Env:KEY", 'set "KEY="'],
    );
  });
});

describe("the shell", () => {
  it("is guessed from SHELL, and is PowerShell on Windows without it", () => {
    assert.equal(guessShell({ SHELL: "/usr/bin/fish" }, "linux"), "fish");
    assert.equal(guessShell({ SHELL: "/bin/zsh" }, "darwin"), "sh");
    assert.equal(guessShell({}, "linux"), "sh");
    assert.equal(guessShell({}, "win32"), "powershell");
    assert.equal(guessShell({ SHELL: "/usr/bin/bash" }, "win32"), "sh");
  });
});

it("a word is left as it is where no shell makes anything of it, and is quoted everywhere else", () => {
  for (const word of ["/etc/cc-relay/config.toml", "claude-1", "a=b,c", "x~"])
    assert.equal(shellWord(word), word);
  assert.equal(shellWord("my relay.toml"), "'my relay.toml'");
  assert.equal(shellWord("~/x"), "'~/x'");
  assert.equal(shellWord("it's $x"), "'it'\\''s $x'");
  assert.equal(shellWord(""), "''");
});
