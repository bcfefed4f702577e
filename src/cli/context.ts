// What every command gets: where to print, whom to ask, and how to read the configuration.

import type { Config } from "../config/config.ts";
import type { Environment } from "../terminal/environment.ts";
import type { Output } from "../terminal/output.ts";
import type { Prompts } from "../terminal/prompts.ts";

export interface CommandContext {
  readonly out: Output;
  readonly prompts: Prompts;
  readonly env: Environment;
  readonly cwd: string;
  readonly platform: NodeJS.Platform;
  /** Of this package. */
  readonly version: string;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Standard input, opened when it is read. */
  readonly stdin: () => AsyncIterable<Buffer | string>;
  /** `--config FILE` as it was given; set before any command runs. */
  configFile: string | undefined;
  /** Finds and reads the configuration anew; without a file the defaults. Throws UserError with every problem. */
  loadConfig(): Promise<Config>;
}
