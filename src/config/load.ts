// Reads the configuration: finds the file, checks all of it, and throws every problem at once.

import type { AccountKinds } from "../account-kinds/account-kind.ts";
import { findVariableFaults } from "./account-rules.ts";
import { assembleConfig } from "./assemble.ts";
import type { Config, ConfigWarning } from "./config.ts";
import {
  type DiscoverOptions,
  defaultDatabasePath,
  discoverConfig,
  resolveDatabasePath,
} from "./discover.ts";
import type { Environment } from "./environment.ts";
import { createLocator } from "./locate.ts";
import { describeSyntax, parseToml } from "./parse.ts";
import { ConfigError, type Finding, formatKey, type Problem } from "./problem.ts";
import { readConfigText } from "./read.ts";
import { findRuleFaults } from "./rules.ts";
import { validate } from "./validate.ts";

export interface LoadOptions extends DiscoverOptions {
  /** Every kind of account that there is. */
  kinds: AccountKinds;
  /**
   * What an unset `api_key_env` variable is: a problem (the default), or a warning for commands that send nothing to a
   * provider, which are often started in another environment than the daemon. The account's secret is then "".
   */
  missingVariables?: "problem" | "warning";
  /** Sees the text before anything is made of it, and can refuse it by throwing. */
  inspect?: (source: ConfigSource) => void;
}

export interface ConfigSource {
  /** Absolute; undefined when there is none. */
  file: string | undefined;
  /** "" without a file. */
  text: string;
}

/** Without a file: the defaults, with the database in the platform's data folder. */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const { file } = await discoverConfig(options);
  const text = file === undefined ? "" : await readConfigText(file);
  options.inspect?.({ file, text });
  return readConfig(text, { ...options, file });
}

export interface ReadOptions {
  /** Absolute; undefined for the defaults without a file. */
  file: string | undefined;
  environment: Environment;
  /** Every kind of account that there is. */
  kinds: AccountKinds;
  missingVariables?: "problem" | "warning";
}

/** The configuration that a text means. */
export function readConfig(text: string, options: ReadOptions): Config {
  const { file, environment, kinds } = options;
  const parsed = parseToml(text);
  if (!parsed.ok) throw new ConfigError([describeSyntax(parsed, file)]);

  const validation = validate(parsed.data, kinds);
  const variables = findVariableFaults(parsed.data, { env: environment.env, kinds });
  const findings = [
    ...(validation.ok ? [] : validation.findings),
    ...findRuleFaults(parsed.data, kinds),
    ...(options.missingVariables === "warning" ? [] : variables),
  ];
  if (!validation.ok || findings.length > 0) throw new ConfigError(placeFindings(findings, { text, file }));

  const config = assembleConfig(validation.data, {
    file,
    databasePath:
      file === undefined
        ? defaultDatabasePath(environment)
        : resolveDatabasePath(file, validation.data.server.database_path),
    env: environment.env,
    kinds,
  });
  return { ...config, warnings: [...config.warnings, ...variables.map(toWarning)] };
}

function placeFindings(
  findings: readonly Finding[],
  source: { text: string; file: string | undefined },
): Problem[] {
  const lineOf = createLocator(source.text);
  return findings
    .map(({ path, what, fix }) => ({
      file: source.file,
      line: lineOf(path),
      key: formatKey(path),
      what,
      fix,
    }))
    .sort((one, other) => (one.line ?? Number.MAX_SAFE_INTEGER) - (other.line ?? Number.MAX_SAFE_INTEGER));
}

function toWarning({ path, what, fix }: Finding): ConfigWarning {
  return { fact: `${formatKey(path)} ${what}`, fix };
}
