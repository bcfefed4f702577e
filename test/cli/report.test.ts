import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Invocation } from "../../src/cli/invocation.ts";
import { createProgram } from "../../src/cli/program.ts";
import { reportError } from "../../src/cli/report.ts";
import { toRun, UserError } from "../../src/domain/errors.ts";
import { fakeScreen } from "../terminal/support.ts";
import { fakeContext } from "./support.ts";

function report(
  error: unknown,
  screen: Parameters<typeof fakeScreen>[0] = { isTerminal: false },
  invocation: Partial<Invocation> = {},
) {
  const printed = fakeScreen(screen);
  const code = reportError(error, {
    ...{ out: { stdout: printed, stderr: printed }, configFile: undefined, program: "cc-relay" as const },
    ...invocation,
  });
  return { code, text: printed.text() };
}

describe("an error of the person", () => {
  const error = new UserError("the port 3000 is taken\nby pid 4711", {
    fix: toRun("take another", "cc-relay serve --port 0"),
  });

  it("is printed as a verdict, its facts, and what to do", () => {
    const text = `✗ the port 3000 is taken
  by pid 4711
  - to take another, run: cc-relay serve --port 0
`;
    assert.deepEqual(report(error), { code: 1, text });
    assert.deepEqual(report(error, { colour: true }), {
      code: 1,
      text: text.replace("✗", "\u001b[31m✗\u001b[39m"),
    });
    assert.equal(report(error, { unicode: false }).text, text.replace("✗", "x"));
  });

  it("names the configuration of this call in the command that fixes it", () => {
    assert.equal(
      report(error, undefined, { configFile: "/etc/my relay.toml" }).text.split("\n").at(-2),
      "  - to take another, run: cc-relay --config '/etc/my relay.toml' serve --port 0",
    );
  });

  it("begins with npx where a shell finds the program in no other way", () => {
    assert.equal(
      report(error, undefined, { program: "npx cc-relay" }).text.split("\n").at(-2),
      "  - to take another, run: npx cc-relay serve --port 0",
    );
  });

  it("has no stack trace and its own exit code", () => {
    assert.deepEqual(report(new UserError("log in first", { exitCode: 4 })), {
      code: 4,
      text: "✗ log in first\n",
    });
  });
});

describe("an error of ours", () => {
  it("is printed with its stack, its cause, and how to report it, without secrets", () => {
    const cause = new Error("got sk-ant-api03-abcdef12345");
    const { code, text } = report(new TypeError("x is undefined", { cause }));
    assert.equal(code, 1);
    const lines = text.split("\n");
    assert.equal(lines[0], "✗ this is a fault of cc-relay itself");
    assert.equal(lines[1], "    TypeError: x is undefined");
    assert.match(text, /report\.test\.ts:\d+/);
    assert.match(text, /caused by Error: got sk-ant-\*\*\*/);
    assert.doesNotMatch(text, /abcdef/);
    assert.equal(
      lines.at(-2),
      "  - please report it with the lines above and what this prints: cc-relay --version; node --version",
    );
  });

  it("is printed whatever was thrown", () => {
    assert.match(report("a string").text, /^ {4}a string$/m);
    assert.match(report(undefined).text, /^ {4}undefined$/m);
  });
});

describe("a usage error", () => {
  const cases: [string[], string][] = [
    [
      ["evn"],
      "✗ unknown command 'evn' (did you mean env?)\n  - to see how it is used, run: cc-relay --help\n",
    ],
    [
      ["env", "--shel", "sh"],
      "✗ unknown option '--shel' (did you mean --shell?)\n  - to see how it is used, run: cc-relay env --help\n",
    ],
    [
      ["env", "cluade"],
      "✗ 'cluade' is not one of claude, gemini, codex, openai\n  - to see how it is used, run: cc-relay env --help\n",
    ],
    [
      ["env", "--shell", "x"],
      "✗ --shell: 'x' is not one of sh, fish, powershell, cmd\n  - to see how it is used, run: cc-relay env --help\n",
    ],
    [
      ["completion"],
      "✗ missing required argument 'shell'\n  - to see how it is used, run: cc-relay completion --help\n",
    ],
    [
      ["accounts", "enable"],
      "✗ missing required argument 'id'\n  - to see how it is used, run: cc-relay accounts enable --help\n",
    ],
    [
      ["--config", "env", "accounts", "lst"],
      "✗ unknown command 'lst' (did you mean list?)\n  - to see how it is used, run: cc-relay accounts --help\n",
    ],
    [
      ["serve", "--port", "x"],
      "✗ --port: 'x' is invalid: a port is a number from 0 to 65535\n  - to see how it is used, run: cc-relay serve --help\n",
    ],
    [
      ["env", "claude", "sk-ant-api03-abcdef12345"],
      "✗ too many arguments for 'env'. Expected 1 argument but got 2: claude, sk-ant-***.\n  - to see how it is used, run: cc-relay env --help\n",
    ],
  ];
  for (const [argv, expected] of cases) {
    it(`exits with 2 for ${argv.join(" ").slice(0, 30)}`, async () => {
      const context = fakeContext();
      const program = await createProgram(context, argv);
      const error = await program.parseAsync(argv, { from: "user" }).then(
        () => assert.fail("it was accepted"),
        (thrown: unknown) => thrown,
      );
      assert.equal(context.out.stderr.text() + context.out.stdout.text(), "");
      assert.equal(reportError(error, context), 2);
      assert.equal(context.out.stderr.text(), expected);
    });
  }
});
