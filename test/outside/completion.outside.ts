// The completion scripts in zsh and fish, as a person at the prompt meets them.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { cases, generate, writeProgram } from "../cli/completion-cases.ts";
import { openTerminal } from "../clients/terminal.ts";

let folder: string;
let env: Record<string, string>;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "cc-relay-completion-"));
  env = {
    PATH: `${folder}:${process.env.PATH}`,
    HOME: folder,
    TERM: "xterm",
    LANG: "C.UTF-8",
  };
  writeProgram(folder);
  writeFileSync(join(folder, "script.fish"), await generate("fish"));
  writeFileSync(join(folder, "_cc-relay"), await generate("zsh"));
});
after(() => rmSync(folder, { recursive: true }));

for (const [shell, file] of [
  ["zsh", "_cc-relay"],
  ["fish", "script.fish"],
] as const) {
  it(`is a script that ${shell} can read`, () => {
    const { status, stderr } = spawnSync(shell, ["-n", file], { encoding: "utf8", cwd: folder });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  });
}

it("offers in fish what fits", () => {
  for (const [typed, expected] of cases) {
    const line = ["cc-relay", ...typed].join(" ");
    const script = `source script.fish; complete -C '${line}'`;
    const offered = execFileSync("fish", ["-c", script], { encoding: "utf8", env, cwd: folder });
    const words = offered.split("\n").map((each) => each.replace(/\t.*/, ""));
    assert.deepEqual(words.filter(Boolean).sort(), expected, line);
  }
});

/** How a person brings the script into zsh. */
const ways = {
  "from a folder of fpath": "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D",
  "by eval in a start-up file": 'autoload -Uz compinit; compinit -u -D; eval "$(cat _cc-relay)"',
};

for (const [way, load] of Object.entries(ways)) {
  it(`offers at zsh's prompt what fits, loaded ${way}`, async () => {
    // What was offered is shown between two marks, a single match too; then the line is empty again.
    const setUp = `PS1=; unsetopt promptsp zle_bracketed_paste; ${load}
compadd() { local -a offered; builtin compadd -O offered "$@"; shown+=($offered); builtin compadd "$@"; }
ask() {
  shown=(); zle complete-word; BUFFER=; zle -R
  print -r -- "OFFERED:$(print -rl -- $shown | sort -u | tr '\\n' ,)END"
}
zle -N ask; bindkey '^O' ask; print READY
`;
    writeFileSync(join(folder, "set-up.zsh"), setUp);
    const terminal = openTerminal({ file: "zsh", args: ["-f", "-i"], env, cwd: folder });
    try {
      const ready = terminal.shows(/READY$/);
      terminal.type("source ./set-up.zsh\r");
      await ready;
      for (const [typed, expected] of cases) {
        const answered = terminal.shows(`OFFERED:${expected.map((each) => `${each},`).join("")}END`);
        terminal.type(`${["cc-relay", ...typed].join(" ")}\u000f`);
        await answered;
      }
    } finally {
      await terminal.close();
    }
  });
}
