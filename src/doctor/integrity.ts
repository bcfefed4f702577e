// Has a database looked at for damage, within a time limit.

import { execFile } from "node:child_process";
import { extname, join } from "node:path";

export type Integrity =
  | { kind: "sound" }
  /** SQLite's first complaint. */
  | { kind: "damaged"; complaint: string }
  | { kind: "unreadable"; message: string; fix: string | undefined }
  | { kind: "unknown" };

export function inspectDatabase(path: string, limitMs: number): Promise<Integrity> {
  const script = join(import.meta.dirname, `integrity-process${extname(import.meta.filename)}`);
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [script, path],
      { timeout: limitMs, killSignal: "SIGKILL", windowsHide: true },
      (error, stdout) => {
        if (error?.killed) return resolve({ kind: "unknown" });
        // Damaged enough, a file can bring the process down that reads it.
        resolve(readVerdict(stdout) ?? { kind: "damaged", complaint: "SQLite cannot read it" });
      },
    );
  });
}

function readVerdict(text: string): Integrity | undefined {
  try {
    const { damage, message, fix } = JSON.parse(text) as {
      damage?: unknown;
      message?: unknown;
      fix?: unknown;
    };
    if (damage === null) return { kind: "sound" };
    if (typeof damage === "string") return { kind: "damaged", complaint: damage };
    if (typeof message !== "string") return undefined;
    return { kind: "unreadable", message, fix: typeof fix === "string" ? fix : undefined };
  } catch {
    return undefined;
  }
}
