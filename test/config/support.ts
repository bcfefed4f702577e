// An environment that is not this machine's, and what a configuration says about a text.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Config } from "../../src/config/config.ts";
import type { Environment } from "../../src/config/environment.ts";
import { readConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { fixText } from "../../src/domain/errors.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";

export function fakeEnvironment(changes: Partial<Environment> = {}): Environment {
  return {
    env: {},
    cwd: "/somewhere",
    configFolder: "/config/cc-relay",
    dataFolder: "/data/cc-relay",
    ...changes,
  };
}

export const testFile = "/etc/relay/config.toml";

export function read(text: string, env: Environment["env"] = {}): Config {
  return readConfig(text, { file: testFile, environment: fakeEnvironment({ env }), kinds: accountKinds });
}

/** The complete message; undefined when the text is fine. Anything but a ConfigError is thrown on. */
export function messageOf(text: string, env: Environment["env"] = {}): string | undefined {
  try {
    read(text, env);
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

/** One problem without its heading and file: `LINE KEY: WHAT -> FIX`. */
export function problemsOf(text: string, env: Environment["env"] = {}): string[] {
  try {
    read(text, env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(
      ({ line, key, what, fix }) => `${line ?? "?"} ${key}: ${what} -> ${fixText(fix)}`,
    );
  }
}

/** Subject, text, and every problem of it; FIRST means the remedy of a fault of the syntax. */
export type ProblemCase = [string, string, string[]];

const first = "fix this line first; the rest of the file is checked after it";

export function describeProblems(subject: string, cases: readonly ProblemCase[]): void {
  describe(`problems of ${subject}`, () => {
    for (const [title, text, expected] of cases) {
      test(`${title} is named with line, key and remedy`, () => {
        const found = problemsOf(text, { SET: "KEY", EMPTY: " ", WORDS: "two words" });
        assert.deepEqual(
          found,
          expected.map((problem) => problem.replace("FIRST", first)),
        );
      });
    }
  });
}
