// The result of one check, and functions that write results in one form.

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
  /** How it is fixed, mostly ending in `run: COMMAND`. Undefined exactly when the status is ok. */
  fix: string | undefined;
  /** Only a person who logs in, or gives another key, fixes it. */
  needsLogin: boolean;
}

/** Makes the findings about one thing. */
export interface Findings {
  ok(detail: string): Check;
  warn(detail: string, fix: string): Check;
  fail(detail: string, fix: string): Check;
  needLogin(detail: string, fix: string): Check;
}

export function findingsOn(group: Group, label: string, name = label): Findings {
  const check = (status: Status, detail: string, fix: string | undefined): Check => ({
    group,
    label,
    name,
    status,
    detail,
    fix,
    needsLogin: false,
  });
  return {
    ok: (detail) => check("ok", detail, undefined),
    warn: (detail, fix) => check("warn", detail, fix),
    fail: (detail, fix) => check("fail", detail, fix),
    needLogin: (detail, fix) => ({ ...check("fail", detail, fix), needsLogin: true }),
  };
}

export interface Bounded {
  findings: Findings;
  limitMs: number;
  work(): Promise<readonly Check[]> | readonly Check[];
}

/** Keeps one check from stopping the others, whether it hangs or throws. */
export async function bounded({ findings, limitMs, work }: Bounded): Promise<readonly Check[]> {
  const { promise: late, resolve } = Promise.withResolvers<readonly Check[]>();
  const timer = setTimeout(
    () =>
      resolve([findings.warn(`not known within ${limitMs / 1000} s`, "to try again, run: cc-relay doctor")]),
    limitMs,
  );
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [
      findings.fail(`the check itself failed: ${why}`, "please report it with: cc-relay doctor --json"),
    ];
  } finally {
    clearTimeout(timer);
  }
}
