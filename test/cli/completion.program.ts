import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runComplete } from "../../src/cli/complete.ts";
import type { CompletionShell } from "../../src/cli/completion.ts";
import { UserError } from "../../src/domain/errors.ts";
import { cases, generate, writeProgram } from "./completion-cases.ts";
import { fakeAccount, fakeConfig, fakeContext } from "./support.ts";

const files: Record<CompletionShell, string> = {
  bash: "cc-relay.bash",
  zsh: "_cc-relay",
  fish: "cc-relay.fish",
  powershell: "cc-relay.ps1",
};

for (const [shell, file] of Object.entries(files) as [CompletionShell, string][]) {
  it(`completions/${file} is what the commands give now`, async () => {
    const kept = readFileSync(new URL(`../../completions/${file}`, import.meta.url), "utf8");
    assert.equal(
      kept,
      await generate(shell),
      `refresh it with: node src/main.ts completion ${shell} > completions/${file}`,
    );
  });
}

describe("completion in a real shell", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "cc-relay-completion-"));
    writeProgram(folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(shell: string, script: string): string {
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
    return execFileSync(shell, ["-c", script], { encoding: "utf8", env, cwd: folder });
  }

  it("offers in bash what fits", async () => {
    const script = await generate("bash");
    for (const [typed, expected] of cases) {
      const words = ["cc-relay", ...typed].map((word) => `'${word}'`).join(" ");
      const asked = `${script}\nCOMP_WORDS=(${words}); COMP_CWORD=${typed.length}; _cc_relay; printf '%s\\n' "\${COMPREPLY[@]}"`;
      assert.deepEqual(run("bash", asked).split("\n").filter(Boolean).sort(), expected, typed.join(" "));
    }
  });

  it("takes nothing in an account id for a command in bash", async () => {
    writeFileSync(join(folder, "cc-relay"), "#!/bin/sh\necho 'x$(touch pwned)`touch pwned`;'\n");
    const asked = `${await generate("bash")}\nCOMP_WORDS=(cc-relay accounts enable ''); COMP_CWORD=3; _cc_relay; printf '%s\\n' "\${COMPREPLY[@]}"`;
    assert.equal(run("bash", asked), "x\\$\\(touch\\ pwned\\)\\`touch\\ pwned\\`\\;\n");
    assert.notEqual(spawnSync("ls", ["pwned"], { cwd: folder }).status, 0);
  });

  it("is a script that bash can read", async () => {
    const file = join(folder, "script");
    writeFileSync(file, await generate("bash"));
    const { status, stderr } = spawnSync("bash", ["-n", file], { encoding: "utf8" });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  });
});

it("no two functions of the zsh script have one name", async () => {
  const names = [...(await generate("zsh")).matchAll(/^(\w+)\(\) \{/gm)].map(([, name]) => name);
  assert.ok(names.length > 5);
  assert.equal(new Set(names).size, names.length);
});

it("a hidden command is offered nowhere", async () => {
  for (const shell of Object.keys(files) as CompletionShell[]) {
    const offered = (await generate(shell)).replaceAll("cc-relay __complete accounts", "");
    assert.doesNotMatch(offered, /__complete/);
  }
});

describe("__complete", () => {
  it("prints the ids of the configured accounts", async () => {
    const context = fakeContext({
      config: fakeConfig({ accounts: [fakeAccount("claude"), fakeAccount("openai")] }),
    });
    await runComplete(context);
    assert.equal(context.out.stdout.text(), "claude-1\nopenai-1\n");
  });

  it("says nothing when the configuration cannot be read", async () => {
    const context = fakeContext();
    context.loadConfig = () => Promise.reject(new UserError("broken"));
    await runComplete(context);
    assert.equal(context.out.stdout.text() + context.out.stderr.text(), "");
  });
});
