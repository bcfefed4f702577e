// The environment variables of this process, read here and in config/ only.

export type Environment = Readonly<Record<string, string | undefined>>;

export function processEnvironment(): Environment {
  return process.env;
}

export interface EnvironmentChange {
  set?: Readonly<Record<string, string>>;
  remove?: readonly string[];
}

/** The environment of a child process. On Windows names are one whatever their case, so `Path` and `PATH` must not both survive. */
export function changedEnvironment(
  env: Environment,
  change: EnvironmentChange,
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  const fold = (name: string) => (platform === "win32" ? name.toUpperCase() : name);
  const gone = new Set([...(change.remove ?? []), ...Object.keys(change.set ?? {})].map(fold));
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !gone.has(fold(entry[0])),
  );
  return { ...Object.fromEntries(kept), ...change.set };
}
