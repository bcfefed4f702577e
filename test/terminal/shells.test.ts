import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Shell, shellSyntax } from "../../src/terminal/shells.ts";

/** What people and generators put into keys, and what shells trip over. */
const hostile = [
  "plain-key_1",
  "",
  "it's",
  "''",
  '"double"',
  "$HOME $" + "{HOME} $(touch pwned) `touch pwned`",
  "back\\slash \\' \\n \\\\",
  "line\nbreak\n",
  "\r\n\t\u0007\u001b[31m",
  "%PATH% !PATH! ^caret & | < > ;",
  "*?[a] ~ # not a comment",
  "‘typographic’ ‚quotes‛",
  "日本語 👍🏽 \u0085 \u2028",
  "-n",
  "!history !!",
];

const keys = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...hostile) },
  { weight: 3, arbitrary: fc.string({ unit: "binary" }) },
  {
    weight: 3,
    arbitrary: fc.string({ unit: fc.constantFrom(..."'\"\\$`!%\n\r\t (){}[]<>|&;*?~#a".split("")) }),
  },
);

/** Shells of this machine that can be asked, and how each takes over lines and shows the variable. */
const interpreters: { command: string; shell: Shell; script: (file: string) => string }[] = [
  { command: "sh", shell: "sh" },
  { command: "bash", shell: "sh" },
  { command: "zsh", shell: "sh" },
].map(({ command, shell }) => ({
  command,
  shell: shell as Shell,
  script: (file: string) => `eval "$(cat '${file}')"\nprintf '%s\\0' "$KEY"\n`,
}));
interpreters.push(
  { command: "fish", shell: "fish", script: (file) => `cat '${file}' | source\nprintf '%s\\0' "$KEY"\n` },
  { command: "fish", shell: "fish", script: (file) => `eval (cat '${file}')\nprintf '%s\\0' "$KEY"\n` },
  {
    command: "pwsh",
    shell: "powershell",
    script: (file) =>
      `Get-Content '${file}' | Out-String | Invoke-Expression\n[Console]::Write($env:KEY + [char]0)\n`,
  },
);

function isInstalled(command: string): boolean {
  return spawnSync(command, ["-c", "exit 0"]).error === undefined;
}

/** Sets each key in turn in one real shell; returns what the shell then had. */
function evaluateAll(interpreter: (typeof interpreters)[number], values: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "cc-relay-shells-"));
  try {
    const syntax = shellSyntax[interpreter.shell];
    const parts = values.map((value, index) => {
      const file = join(folder, `${index}.env`);
      const lines = [syntax.set("KEY", value), syntax.comment("a comment: $(touch pwned) [x.y] 'q")];
      writeFileSync(file, `${lines.join("\n")}\n`);
      return interpreter.script(file);
    });
    const script = join(folder, "script");
    writeFileSync(script, parts.join(""));
    const output = execFileSync(interpreter.command, [script], {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    assert.equal(spawnSync("ls", ["pwned"], { cwd: folder }).status === 0, false, "a key was executed");
    return output.split("\0").slice(0, -1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("lines that set a variable", () => {
  for (const interpreter of interpreters.filter(({ command }) => isInstalled(command))) {
    it(`mean exactly the key, whatever it is made of, in ${interpreter.command}`, () => {
      const random = fc.sample(keys, 300).map((key) => key.replaceAll("\0", ""));
      const values = [...hostile, ...random];
      assert.deepEqual(evaluateAll(interpreter, values), values);
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
  const removing: [string, Shell, (line: string) => string][] = [
    ["sh", "sh", (line) => `KEY=1; export KEY; eval "${line}"; printf '%s' "\${KEY-gone}"`],
    ["bash", "sh", (line) => `export KEY=1; eval "${line}"; printf '%s' "\${KEY-gone}"`],
    ["zsh", "sh", (line) => `export KEY=1; eval "${line}"; printf '%s' "\${KEY-gone}"`],
    ["fish", "fish", (line) => `set -gx KEY 1; echo "${line}" | source; set -q KEY; or printf gone`],
  ];
  for (const [command, shell, script] of removing.filter(([command]) => isInstalled(command))) {
    it(`leave it unset in ${command}`, () => {
      assert.equal(
        execFileSync(command, ["-c", script(shellSyntax[shell].unset("KEY"))], { encoding: "utf8" }),
        "gone",
      );
    });
  }

  it("have the form of their shell", () => {
    assert.deepEqual(
      (["sh", "fish", "powershell", "cmd"] as const).map((shell) => shellSyntax[shell].unset("KEY")),
      ["unset KEY", "set -e KEY;", "Remove-Item -ErrorAction SilentlyContinue Env:KEY", 'set "KEY="'],
    );
  });
});
