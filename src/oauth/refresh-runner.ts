// Who carries out the refreshes of one login: this process, or one that outlives it.

import type { TokenRow } from "../token-store.ts";
import type { RefreshOutcome } from "./refresh.ts";

export interface RefreshTask {
  /** The newest row the asking process knows; undefined at its first look. */
  known: TokenRow | undefined;
  /** An access token that the provider refused: a row that still holds it is not good enough. */
  refusedToken: string | undefined;
  /** Somebody waits for the token: it is refreshed even when the mark that explains a crash cannot be written. */
  urgent: boolean;
}

export interface RefreshRunner {
  /**
   * Resolves as soon as there is an outcome; asked for one thing at a time. A pair that the disk does not take is kept, under
   * the login's lock, and written as soon as it does.
   */
  run(task: RefreshTask): Promise<RefreshOutcome>;
  /** Writes the project that was found for the login. */
  saveProject(project: string | undefined): Promise<void>;
  /** Waits for a refresh under way. */
  close(): Promise<void>;
}
