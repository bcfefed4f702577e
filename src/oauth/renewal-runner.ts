// Who carries out the renewals of one login: this process, or one that outlives it.

import type { TokenRow } from "../token-store.ts";
import type { RenewalOutcome } from "./renewal.ts";

export interface RenewalTask {
  /** The newest row the asking process knows; undefined at its first look. */
  known: TokenRow | undefined;
  /** An access token that the provider refused: a row that still holds it is not good enough. */
  refusedToken: string | undefined;
  /** Somebody waits for the token: it is renewed even when the mark that explains a crash cannot be written. */
  urgent: boolean;
}

export interface RenewalRunner {
  /**
   * Resolves as soon as there is an outcome; asked for one thing at a time. A pair that the disk does not take is kept, under
   * the login's lock, and written as soon as it does.
   */
  run(task: RenewalTask): Promise<RenewalOutcome>;
  /** Writes the project that was found for the login. */
  saveProject(project: string | undefined): Promise<void>;
  /** Waits for a renewal under way. */
  close(): Promise<void>;
}
