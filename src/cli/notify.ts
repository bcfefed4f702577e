// `cc-relay notify --test`: sends a message through each receiver, and says which one did not take it.

import { Command } from "commander";
import { UserError } from "../domain/errors.ts";
import type { Notice } from "../notify/notices.ts";
import { sign } from "../terminal/style.ts";
import type { CommandContext } from "./context.ts";
import { fixTextHere } from "./invocation.ts";

export function notifyCommand(context: CommandContext, run = runNotifyTest): Command {
  return new Command("notify")
    .description("test the receivers of notifications")
    .requiredOption("--test", "send a test message through each [[notify]] of config.toml")
    .addHelpText(
      "after",
      `
Exit code 1 when a receiver did not take it.

Example:
  $ cc-relay notify --test`,
    )
    .action(() => run(context));
}

async function runNotifyTest(context: CommandContext): Promise<void> {
  const { createNotifyDispatchers, sendNotice } = await import("../notify/send.ts");
  const { secretsOf } = await import("../config/secrets.ts");
  const { redact } = await import("../text/redact.ts");
  const config = await context.loadConfig({ missingVariables: "warning" });
  if (config.notify.length === 0) {
    throw new UserError("no [[notify]] is in config.toml", {
      fix: 'write [[notify]] with webhook = "URL", ntfy = "URL" or command = ["PROGRAM"]',
    });
  }
  const { stderr } = context.out;
  const dispatchers = createNotifyDispatchers(config);
  const secrets = secretsOf(config);
  const notice: Notice = {
    event: "storage",
    account: null,
    family: null,
    state: "test",
    reason: null,
    until: undefined,
    message: "this is a test message of cc-relay: nothing has happened",
  };
  try {
    const results = await Promise.all(
      config.notify.map((receiver) =>
        sendNotice(notice, context.clock(), {
          receiver: receiver.receiver,
          dispatcher: dispatchers.for(receiver),
          timeoutMs: 10_000,
          redact: (text) => redact(text, secrets),
        }),
      ),
    );
    for (const [index, result] of results.entries()) {
      const name = `notify[${index}] (${config.notify[index]?.receiver.kind})`;
      stderr.write(
        result.ok
          ? `${sign("ok", stderr)} ${name}: the message was taken\n`
          : `${sign("fail", stderr)} ${name}: ${result.reason}\n`,
      );
    }
    if (results.every(({ ok }) => ok)) return;
    const fix = { instruction: "fix it in config.toml, and run:", command: "cc-relay notify --test" };
    stderr.write(`  - ${fixTextHere(fix, context)}\n`);
    context.exitCode = 1;
  } finally {
    await dispatchers.close();
  }
}
