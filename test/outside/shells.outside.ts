// The lines of `cc-relay env` in the shells that not every machine has.

import { describe, it } from "node:test";
import { shellSyntax } from "../../src/terminal/shells.ts";
import { assertKeysSurvive, assertRemoved, type Interpreter } from "../terminal/shell-lines.ts";

const interpreters: Record<string, Interpreter> = {
  "dash by eval": { command: "dash", shell: "sh", takeOver: (file) => `eval "$(cat '${file}')"` },
  "zsh by eval": { command: "zsh", shell: "sh", takeOver: (file) => `eval "$(cat '${file}')"` },
  "fish by source": { command: "fish", shell: "fish", takeOver: (file) => `cat '${file}' | source` },
  "fish by eval": {
    command: "fish",
    shell: "fish",
    takeOver: (file) => `eval (cat '${file}')`,
    joinsLines: true,
  },
};

describe("lines that set a variable", () => {
  for (const [name, interpreter] of Object.entries(interpreters)) {
    it(`mean exactly the key, whatever it is made of, in ${name}`, () => assertKeysSurvive(interpreter));
  }
});

describe("lines that remove a variable", () => {
  for (const command of ["dash", "zsh"]) {
    it(`leave it unset in ${command}`, () => {
      const line = shellSyntax.sh.unset("KEY");
      assertRemoved(command, `export KEY=1; eval "${line}"; printf '%s' "\${KEY-gone}"`);
    });
  }

  it("leave it unset in fish", () => {
    const line = shellSyntax.fish.unset("KEY");
    assertRemoved("fish", `set -gx KEY 1; echo "${line}" | source; set -q KEY; or printf gone`);
  });
});
