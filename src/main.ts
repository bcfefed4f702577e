// The program: arguments in, exit code out. The only place that ends the process.

import { createContext } from "./cli/context.ts";
import { createProgram } from "./cli/program.ts";
import { reportError } from "./cli/report.ts";

const argv = process.argv.slice(2);
const context = createContext();

// The reader of our output may leave early (`cc-relay usage | head`), or close the terminal: that is no failure.
process.stdout.on("error", ignoreLostReader);
process.stderr.on("error", ignoreLostReader);
process.on("uncaughtException", (error) => process.exit(reportError(error, context)));

void run();

async function run(): Promise<void> {
  try {
    const program = await createProgram(context, argv);
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    context.exitCode = reportError(error, context);
  }

  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  if (context.exitSignal) {
    // A shell stops its loop only when the program it ran died of the signal too.
    process.removeAllListeners(context.exitSignal);
    process.kill(process.pid, context.exitSignal);
  } else {
    process.exit(context.exitCode);
  }
}

function ignoreLostReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
}

/** Pipes are written in the background on some systems; ending the process would lose what is left. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve();
    else stream.write("", () => resolve());
  });
}
