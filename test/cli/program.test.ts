import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Command } from "commander";
import { createProgram } from "../../src/cli/program.ts";
import { fakeContext } from "./support.ts";

function* everyCommand(command: Command): Iterable<Command> {
  for (const child of command.commands) {
    yield child;
    yield* everyCommand(child);
  }
}

describe("the help of every command", () => {
  it("begins with a lower-case verb and has an example of its own", async () => {
    const program = await createProgram(fakeContext());
    const commands = [...everyCommand(program)];
    assert.ok(commands.length > 8);
    for (const command of commands) {
      assert.match(command.description(), /^[a-z]/, command.name());
      if (command.name().startsWith("__")) continue;
      let help = "";
      command.configureOutput({
        ...command.configureOutput(),
        writeOut(text) {
          help += text;
        },
      });
      command.outputHelp();
      assert.match(help, new RegExp(`Examples?:\\n  \\$ .*cc-relay .*${command.name()}`), command.name());
    }
  });

  it("is as wide as the terminal", async () => {
    for (const width of [80, 120]) {
      const context = fakeContext({ screen: { isTerminal: true, width } });
      const program = await createProgram(context);
      for (const command of [program, ...everyCommand(program)]) command.outputHelp();
      // A command that is there to be copied stays on one line.
      const lines = context.out.stdout
        .text()
        .replaceAll(/^ {2}\$ .*$/gm, "")
        .split("\n");
      assert.deepEqual(
        lines.filter((line) => line.length > width),
        [],
      );
      assert.ok(width === 80 || lines.some((line) => line.length > 80));
    }
  });
});

describe("--config", () => {
  const given: [string[], string | undefined][] = [
    [["--config", "a.toml", "__complete", "accounts"], "a.toml"],
    [["--config=a.toml", "__complete", "accounts"], "a.toml"],
    [["__complete", "accounts", "--config", "a.toml"], "a.toml"],
    [["__complete", "accounts"], undefined],
  ];
  for (const [argv, expected] of given) {
    it(`is ${expected ?? "not set"} after ${argv.join(" ")}`, async () => {
      const context = fakeContext();
      const program = await createProgram(context, argv);
      await program.parseAsync(argv, { from: "user" });
      assert.equal(context.configFile, expected);
    });
  }
});

it("--config is known when the rest of the line is wrong, so that the fix can name it", async () => {
  const context = fakeContext();
  const argv = ["--config", "a.toml", "login", "claude", "sk-ant-1"];
  const program = await createProgram(context, argv);
  await assert.rejects(program.parseAsync(argv, { from: "user" }), /^UserError: login takes one argument/);
  assert.equal(context.configFile, "a.toml");
});

describe("--config of run", () => {
  const given: [string, string | undefined][] = [
    ["run --config a.toml claude", "a.toml"],
    ["run claude --config a.toml -- exec", "a.toml"],
    // Codex has a --config of its own.
    ["run codex --config model=x", undefined],
  ];
  for (const [line, expected] of given) {
    it(`is ${expected ?? "the client's"} in ${line}`, async () => {
      const context = fakeContext();
      const argv = line.split(" ");
      const program = await createProgram(context, argv);
      await assert.rejects(program.parseAsync(argv, { from: "user" }), /is not installed/);
      assert.equal(context.configFile, expected);
    });
  }
});

describe("what is loaded", () => {
  const names = async (argv: string[]) =>
    (await createProgram(fakeContext(), argv)).commands.map((each) => each.name());

  it("is the command that is called, none for the version, all for the rest", async () => {
    assert.deepEqual(await names(["env", "claude"]), ["env"]);
    assert.deepEqual(await names(["--config", "run", "env"]), ["env"]);
    assert.deepEqual(await names(["--version"]), []);
    const all = await names([]);
    assert.ok(all.length > 6);
    assert.deepEqual(await names(["help", "env"]), all);
    assert.deepEqual(await names(["--help"]), all);
    assert.deepEqual(await names(["toString"]), all);
  });
});
