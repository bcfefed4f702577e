// `cc-relay top` as a command where there is no screen to draw on: one listing, or one object.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { StatusDocument } from "../../../src/documents/types.ts";
import { tokens, usageRow } from "../../store/rows.ts";
import { claudeAccounts, createServeFolder, type ServeFolder } from "../../support/serve-process.ts";
import { openTerminal } from "./script-terminal.ts";

const main = join(import.meta.dirname, "../../../src/main.ts");
const time = Date.now() - 1000;

const cleanups: (() => unknown)[] = [];
let folder: ServeFolder;
let url: string;
before(async () => {
  folder = await createServeFolder({ after: (clean) => void cleanups.push(clean as () => unknown) });
  await folder.look((store) =>
    store.usage.record(
      usageRow("mia00000-0a0a0a0a-0001", {
        ...{ time, account: "b", tokens: tokens({ input: 1000, output: 100 }) },
        ...{ firstByteMs: 640, totalMs: 12_400, attempts: 2 },
        attemptRows: [
          { account: "a", status: 429, class: "rate-limited", next: "next account", ms: 340 },
          { account: "b", status: 200, class: "answered", next: "served", ms: 1180 },
        ],
      }),
    ),
  );
  await folder.configure(claudeAccounts("http://127.0.0.1:9"));
  ({ url } = await folder.start());
});
after(async () => {
  for (const clean of cleanups) await clean();
});

test("--json prints the object of GET /status and nothing else", async () => {
  const printed: unknown = JSON.parse(await folder.run(["top", "--json"]));
  const status = (await (await fetch(`${url}/status`)).json()) as StatusDocument;
  assert.deepEqual(printed, status);
  assert.deepEqual(
    status.accounts.map(({ id }) => id),
    ["a", "b"],
  );
});

test("in a pipe it prints a line for each account and request, tab-separated", async () => {
  const at = new Date(time).toISOString();
  assert.equal(
    await folder.run(["top"]),
    [
      ["account", "a", "claude-api", "500", "ready", "", "", "", "0", "0", "0", "0"],
      ["account", "b", "claude-api", "499", "ready", "", "", "", "0", "1", "1100", "0.006"],
      [
        ...["request", at, "mia00000-0a0a0a0a-0001", "laptop", "claude-opus-5-5", "a,b", "200", "complete"],
        ...["640", "12400", "1100", "0.006"],
      ],
    ]
      .map((fields) => `${fields.join("\t")}\n`)
      .join(""),
  );
});

test("with TERM=dumb, and where nobody can press keys, it prints one listing without any escape", async (t) => {
  const top = `'${process.execPath}' '${main}' --config '${folder.configFile}' top`;
  for (const [command, env] of [
    [top, { TERM: "dumb" }],
    [`${top} < /dev/null`, { NO_COLOR: "1" }],
  ] as const) {
    const terminal = openTerminal(t, command, env);
    assert.equal(await terminal.exitCode, 0, command);
    const lines = terminal.output().trimEnd().split("\r\n");
    assert.equal(terminal.output().includes("\u001b"), false, command);
    assert.match(lines[0] ?? "", /^cc-relay \d+\.\d+\.\d+ {2}http:\/\/127\.0\.0\.1:\d+ {2}up \d+/);
    const clock = new Date(time).toTimeString().slice(0, 8);
    assert.deepEqual(lines.slice(1), [
      "today  1 request, 0 errors, 1.1k tokens, $0.0060",
      "",
      "  ACCOUNT  STATE          WINDOWS                                   RUN  24H REQS  TOKENS       COST",
      "  a        ✓ ready                                                              0       0",
      "  b        ✓ ready                                                              1    1.1k    $0.0060",
      "",
      "  TIME      CLIENT  MODEL            ACCOUNTS              RESULT       FIRST   TOTAL  TOKENS  TOK/S",
      `  ${clock}  laptop  claude-opus-5-5  a → b                 200          640ms   12.4s    1.1k      9`,
      "    $0.0060",
    ]);
  }
});
