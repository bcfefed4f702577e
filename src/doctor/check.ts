// The result of one check, and functions that write results in one form.

import { type Advice, type Fix, fixOf, toRun } from "../domain/errors.ts";

export type Status = "ok" | "warn" | "fail";

/** What a check is about, in the order in which a person reads them. */
export type Group = "machine" | "relay" | "accounts" | "clients";

export interface Check {
  group: Group;
  /** What is checked, under its group's heading. */
  label: string;
  /** What is checked, where there is no heading. Several findings about one thing share it. */
  name: string;
  status: Status;
  /** What was found; no full stop, no secret. */
  detail: string;
  /** Undefined exactly when the status is ok. */
  fix: Fix | undefined;
  /** Only a person who logs in, or gives another key, fixes it. */
  needsLogin: boolean;
}

/** With both parts changed alike: redacted, for instance. */
export function mapFix({ instruction, command }: Fix, change: (text: string) => string): Fix {
  return { instruction: change(instruction), command: command && change(command) };
}

/** Makes the findings about one thing. */
export interface Findings {
  ok(detail: string): Check;
  warn(detail: string, fix: Advice): Check;
  fail(detail: string, fix: Advice): Check;
  needLogin(detail: string, fix: Advice): Check;
}

export function findingsOn(group: Group, label: string, name = label): Findings {
  const check = (status: Status, detail: string, fix: Advice | undefined): Check => ({
    group,
    label,
    name,
    status,
    detail,
    fix: fix === undefined ? undefined : fixOf(fix),
    needsLogin: false,
  });
  return {
    ok: (detail) => check("ok", detail, undefined),
    warn: (detail, fix) => check("warn", detail, fix),
    fail: (detail, fix) => check("fail", detail, fix),
    needLogin: (detail, fix) => ({ ...check("fail", detail, fix), needsLogin: true }),
  };
}

export const tryAgain: Fix = toRun("try again", "cc-relay doctor");
const reportIt: Fix = { instruction: "please report it with:", command: "cc-relay doctor --json" };

export interface Bounded {
  findings: Findings;
  limitMs: number;
  work(): Promise<readonly Check[]> | readonly Check[];
}

/** Keeps one check from stopping the others, whether it hangs or throws. */
export async function bounded({ findings, limitMs, work }: Bounded): Promise<readonly Check[]> {
  const { promise: late, resolve } = Promise.withResolvers<readonly Check[]>();
  const timer = setTimeout(
    () => resolve([findings.warn(`not known within ${limitMs / 1000} s`, tryAgain)]),
    limitMs,
  );
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [findings.fail(`the check itself failed: ${why}`, reportIt)];
  } finally {
    clearTimeout(timer);
  }
}
