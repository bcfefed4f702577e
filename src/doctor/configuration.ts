// Whether the configuration loads, and every problem when it does not.

import type { Config } from "../config/config.ts";
import { discoverConfig } from "../config/discover.ts";
import type { Environment } from "../config/environment.ts";
import { readConfig } from "../config/load.ts";
import { ConfigError, type Problem } from "../config/problem.ts";
import { readConfigText } from "../config/read.ts";
import { UserError } from "../errors.ts";
import { plural } from "../terminal/format.ts";
import { accountKinds } from "../upstreams/kinds.ts";
import { type Check, type Findings, findingsOn } from "./check.ts";
import { readUsableConfig } from "./usable-config.ts";

export interface ConfigurationOptions {
  /** The value of `--config`. */
  flag: string | undefined;
  environment: Environment;
}

export interface Configuration {
  checks: readonly Check[];
  /** The file that was found; undefined when there is none. */
  file: string | undefined;
  /** As far as it can be used; undefined when nothing in it can. */
  config: Config | undefined;
}

export async function readConfiguration(options: ConfigurationOptions): Promise<Configuration> {
  const findings = findingsOn("relay", "configuration");
  let file: string | undefined;
  let text = "";
  try {
    const discovery = await discoverConfig(options);
    file = discovery.file;
    if (file !== undefined) text = await readConfigText(file);
    const config = readConfig(text, {
      file,
      environment: options.environment,
      kinds: accountKinds,
      missingVariables: "warning",
    });
    const checks = config.warnings.map((warning) => warningCheck(findings, warning, file));
    return { checks: [findings.ok(summarize(config, discovery.candidates)), ...checks], file, config };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const config = readUsableConfig(text, { file, environment: options.environment });
    return { checks: problemChecks(findings, error), file, config: text === "" ? undefined : config };
  }
}

function summarize({ file, accounts, apiKeys }: Config, candidates: readonly string[]): string {
  if (file === undefined) return `no file at ${candidates.join(" or ")}: the defaults are used`;
  const keys = apiKeys.length === 0 ? "no client key needed" : plural(apiKeys.length, "client key");
  const pooled = accounts.length === 0 ? "no accounts" : plural(accounts.length, "account");
  return `${file}: ${pooled}, ${keys}`;
}

/** Warnings end with what to write, after a colon. */
function warningCheck(findings: Findings, warning: string, file: string | undefined): Check {
  const [detail = "", ...rest] = warning.split(": ");
  return findings.warn(detail, rest.length > 0 ? rest.join(": ") : `change it in ${file}`);
}

/** A hostile file can have very many. */
const maxProblems = 50;

function problemChecks(findings: Findings, error: UserError): Check[] {
  if (!(error instanceof ConfigError)) {
    return [findings.fail(error.message, error.fix ?? "see: cc-relay --help")];
  }
  const shown = error.problems.slice(0, maxProblems).map((problem) => {
    return findings.fail(describe(problem), problem.fix);
  });
  const left = error.problems.length - shown.length;
  if (left > 0) shown.push(findings.fail(`and ${plural(left, "more problem")}`, "fix the others first"));
  return shown;
}

function describe({ file, line, key, what }: Problem): string {
  const place = [file, line].filter((part) => part !== undefined).join(":");
  return [place, `${key} ${what}`.trim()].filter((part) => part !== "").join(": ");
}
