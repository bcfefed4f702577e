// Runs `cc-relay doctor` beside the relay for the page: a process of its own, since the checks open the database and the lock
// that this one holds, and closing a file releases every lock that its process has on it.

import { execFile } from "node:child_process";
import { extname, join } from "node:path";
import { packageRoot } from "../../config/package.ts";
import type { CheckDocument, DoctorDocument } from "../../documents/types.ts";
import { isObject, parseJson, stringField } from "../../json/json-values.ts";

const timeoutMs = 120_000;
/** A second request within this time gets the last result. */
const keepMs = 5000;
const maxOutputBytes = 4 * 1024 * 1024;

/** @param configFile the file that the relay has read; undefined when there is none. */
export function createDoctorRun(
  configFile: () => string | undefined,
  now: () => number,
): () => Promise<DoctorDocument> {
  let last: { at: number; result: Promise<DoctorDocument> } | undefined;
  return () => {
    if (last !== undefined && now() - last.at < keepMs) return last.result;
    const own = { at: Number.POSITIVE_INFINITY, result: runDoctor(configFile(), now) };
    last = own;
    own.result.then(
      () => (own.at = now()),
      () => (last = undefined),
    );
    return own.result;
  };
}

async function runDoctor(configFile: string | undefined, now: () => number): Promise<DoctorDocument> {
  const isSource = extname(import.meta.filename) === ".ts";
  const main = join(packageRoot(), isSource ? "src/main.ts" : "dist/main.js");
  const named = configFile === undefined ? [] : ["--config", configFile];
  const text = await output([main, ...named, "doctor", "--json"]);
  const found = parseJson(text);
  if (!isObject(found) || !Array.isArray(found.checks)) throw new Error("cc-relay doctor gave no result");
  return {
    ok: found.ok === true,
    checked_at: new Date(now()).toISOString(),
    checks: found.checks.flatMap((check) => readCheck(check) ?? []),
  };
}

/** Its exit code says what it has found, and is no failure. */
function output(argv: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      argv,
      { timeout: timeoutMs, killSignal: "SIGKILL", windowsHide: true, maxBuffer: maxOutputBytes },
      (_error, stdout) => resolve(stdout),
    );
  });
}

function readCheck(value: unknown): CheckDocument | undefined {
  const name = stringField(value, "name");
  const detail = stringField(value, "detail");
  const status = (["ok", "warn", "fail"] as const).find((word) => word === stringField(value, "status"));
  if (name === undefined || detail === undefined || status === undefined) return undefined;
  const fix = stringField(value, "fix") ?? null;
  return { name, status, detail, fix, command: stringField(value, "command") ?? null };
}
