// `cc-relay doctor`: runs all checks at once, and prints a fix for each problem.

import { lookup } from "node:dns/promises";
import { homedir } from "node:os";
import { Command } from "commander";
import { openProviderAccess, type ProviderAccess } from "../app/provider-access.ts";
import { findProgram, readProgramVersion } from "../clients/program.ts";
import { type Environment, readEnvironment } from "../config/environment.ts";
import type { Check } from "../doctor/check.ts";
import { type ExaminationOptions, examine } from "../doctor/doctor.ts";
import { fixText } from "../domain/errors.ts";
import type { Screen } from "../terminal/output.ts";
import { guessShell } from "../terminal/shells.ts";
import { renderTable } from "../terminal/table.ts";
import { toJsonText } from "../text/control-characters.ts";
import type { CommandContext } from "./context.ts";
import { renderChecks } from "./doctor/blocks.ts";
import { fixHere } from "./invocation.ts";
import { lookForRelay, originOf } from "./relay-address.ts";

export interface DoctorOptions {
  offline: boolean;
  json: boolean;
}

/** What is examined, as far as it is not the command's context. */
export interface DoctorSite {
  environment: Environment;
  home: string;
  nodeVersion: string;
  uid: number | undefined;
  /** For each check. */
  limitMs: number;
  /** All addresses of a name. */
  lookup(host: string): Promise<readonly string[]>;
  /** A PEM certificate to trust beside those Node trusts. */
  ca?: string;
  /** Who looks for damage in the database; a process of its own when absent. */
  inspectDatabase?: ExaminationOptions["inspectDatabase"];
}

export function doctorCommand(context: CommandContext, run = runDoctor): Command {
  return new Command("doctor")
    .description("check everything, and name the command that fixes what is not fine")
    .option("--offline", "leave out what needs a network: the accounts and the clock")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
In a pipe, one line per finding, tab-separated: name, status (ok, warn or fail),
what was found, what fixes it. Exit code: 0 nothing failed, 1 something failed,
4 only logins or keys did.

Examples:
  $ cc-relay doctor
  $ cc-relay doctor --json | jq -r '.checks[] | select(.status == "fail").fix'`,
    )
    .action((flags: { offline?: boolean; json?: boolean }) =>
      run(context, { offline: flags.offline ?? false, json: flags.json ?? false }),
    );
}

export async function runDoctor(
  context: CommandContext,
  { offline, json }: DoctorOptions,
  site: DoctorSite = thisSite(),
): Promise<void> {
  const { env } = site.environment;
  const { platform, clock } = context;
  let providers: ProviderAccess | undefined;
  const { stdout, stderr } = context.out;
  const progress = showProgress(stderr);
  try {
    const found = await examine({
      configFile: context.configFile,
      environment: site.environment,
      machine: { ...site, platform, shell: guessShell(env, platform), now: clock },
      version: context.version,
      offline,
      limitMs: site.limitMs,
      probe: { originOf, look: lookForRelay },
      programs: {
        find: (name) => findProgram(name, { env, platform }),
        versionOf: (file) => readProgramVersion(file, { env, platform, limitMs: site.limitMs }),
      },
      openProviders(config) {
        providers = openProviderAccess(config, { connectTimeoutMs: site.limitMs, ca: site.ca, now: clock });
        return providers;
      },
      lookup: site.lookup,
      ca: site.ca,
      inspectDatabase: site.inspectDatabase,
    });
    const checks = found.map((check) => ({
      ...check,
      fix: check.fix && fixHere(check.fix, context),
    }));
    progress.end();
    if (json) stdout.write(toJson(checks));
    else if (stdout.isTerminal) stdout.write(renderChecks(checks, stdout));
    else stdout.write(renderTable({ columns: [], rows: checks.map(toCells) }, stdout));
    context.exitCode = exitCodeOf(checks);
  } finally {
    progress.end();
    await closeProviders(providers, stderr);
  }
}

const limitMs = 5000;

function thisSite(): DoctorSite {
  return {
    environment: readEnvironment(),
    home: homedir(),
    nodeVersion: process.versions.node,
    uid: process.getuid?.(),
    limitMs,
    lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  };
}

/** A line that goes when the results come. */
function showProgress(screen: Screen): { end(): void } {
  if (!screen.isTerminal) return { end() {} };
  screen.write(screen.style.dim(screen.unicode ? "checking…" : "checking..."));
  let isShown = true;
  return {
    end() {
      if (isShown) screen.write("\r\u001b[K");
      isShown = false;
    },
  };
}

/** A login that is being refreshed is not left: its answer holds the only refresh token there is. */
async function closeProviders(providers: ProviderAccess | undefined, screen: Screen): Promise<void> {
  const timer = setTimeout(
    () => screen.write("a login is being refreshed: waiting for the answer, so that it is not lost\n"),
    1000,
  );
  try {
    await providers?.close();
  } finally {
    clearTimeout(timer);
  }
}

function toJson(checks: readonly Check[]): string {
  const ok = checks.every(({ status }) => status !== "fail");
  const listed = checks.map(({ name, status, detail, fix }) => ({
    name,
    status,
    detail,
    fix: fix ? fixText(fix) : null,
    command: fix?.command ?? null,
  }));
  return toJsonText({ ok, checks: listed }, { indented: true });
}

function toCells({ name, status, detail, fix }: Check): string[] {
  return [name, status, detail, fix ? fixText(fix) : ""];
}

function exitCodeOf(checks: readonly Check[]): number {
  const failed = checks.filter(({ status }) => status === "fail");
  if (failed.length === 0) return 0;
  return failed.every(({ needsLogin }) => needsLogin) ? 4 : 1;
}
