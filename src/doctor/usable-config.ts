// What of a configuration with problems can be used all the same, so that one wrong key does not hide what else is wrong.

import { assembleConfig } from "../config/assemble.ts";
import type { Config } from "../config/config.ts";
import { defaultDatabasePath, resolveDatabasePath } from "../config/discover.ts";
import type { Environment } from "../config/environment.ts";
import { parseToml } from "../config/parse.ts";
import type { Finding, KeyPath } from "../config/problem.ts";
import { findRuleFaults } from "../config/rules.ts";
import { validate } from "../config/validate.ts";
import { accountKinds } from "../upstreams/kinds.ts";

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
    const validation = validate(document);
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
