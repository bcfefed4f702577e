// Checks whether the configuration loads; if not, lists every problem and returns the part that can be used.

import { assembleConfig } from "../config/assemble.ts";
import type { Config } from "../config/config.ts";
import { defaultDatabasePath, discoverConfig, resolveDatabasePath } from "../config/discover.ts";
import type { Environment } from "../config/environment.ts";
import { readConfig } from "../config/load.ts";
import { parseToml } from "../config/parse.ts";
import { ConfigError, type Finding, type KeyPath, type Problem } from "../config/problem.ts";
import { readConfigText } from "../config/read.ts";
import { findRuleFaults } from "../config/rules.ts";
import { validate } from "../config/validate.ts";
import { UserError } from "../domain/errors.ts";
import { plural } from "../text/format.ts";
import { accountKinds } from "../upstreams/kinds.ts";
import { type Check, type Findings, findingsOn } from "./check.ts";

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
    const checks = config.warnings.map(({ fact, fix }) => findings.warn(fact, fix ?? `change it in ${file}`));
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

export interface UsableOptions {
  file: string | undefined;
  environment: Environment;
}

/** Undefined when the text is no TOML. Only to look with: what is left out may be what keeps strangers away. */
export function readUsableConfig(text: string, { file, environment }: UsableOptions): Config | undefined {
  const parsed = parseToml(text);
  if (!parsed.ok) return undefined;
  let document = parsed.data;
  // What was taken out can be missed elsewhere, so it is looked at again.
  for (let round = 0; round < maxRounds; round++) {
    const validation = validate(document, accountKinds);
    const faults = [...(validation.ok ? [] : validation.findings), ...findRuleFaults(document, accountKinds)];
    if (validation.ok && faults.length === 0) {
      const databasePath =
        file === undefined
          ? defaultDatabasePath(environment)
          : resolveDatabasePath(file, validation.data.server.database_path);
      return assembleConfig(validation.data, {
        file,
        databasePath,
        env: environment.env,
        kinds: accountKinds,
      });
    }
    document = without(document, faults);
  }
  return undefined;
}

const maxRounds = 5;

type Table = Record<string, unknown>;

/** Without the values at fault: an account as a whole, elsewhere the single setting. */
function without(document: Table, faults: readonly Finding[]): Table {
  const paths = faults.map(({ path }) => path);
  return Object.fromEntries(
    Object.entries(document).flatMap(([name, value]) => {
      const below = paths.filter(([first]) => first === name).map((path) => path.slice(1));
      if (below.some((path) => path.length === 0)) return [];
      return [[name, below.length === 0 ? value : withoutMembers(value, below)]];
    }),
  );
}

function withoutMembers(value: unknown, paths: readonly KeyPath[]): unknown {
  const wrong = new Set(paths.map(([first]) => first));
  if (Array.isArray(value)) return value.filter((_, index) => !wrong.has(index));
  if (typeof value !== "object" || value === null) return undefined;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !wrong.has(name)));
}
