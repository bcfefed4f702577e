// The paths and figures of this machine that a service's description is made of.

import { UserError } from "../../domain/errors.ts";

export interface ServiceSite {
  /** The Node binary. Absolute, as every path here. */
  node: string;
  /** The program that it runs: bin/cc-relay.js of this package. */
  entry: string;
  /** Undefined when the relay runs without a file. */
  configFile: string | undefined;
  /** The folder of the database. */
  dataFolder: string;
  homeFolder: string;
  port: number;
  /** Whether clients need a key: without one only loopback can be bound. */
  hasKeys: boolean;
  drainSeconds: number;
  version: string;
  /** Undefined where the system has no such numbers. */
  user: { uid: number; gid: number } | undefined;
}

/** The arguments behind the Node binary. */
export function serveArguments({ entry, configFile }: ServiceSite): string[] {
  return [entry, ...(configFile === undefined ? [] : ["--config", configFile]), "serve"];
}

/** How long the relay may take to stop: it waits for open answers, then breaks them off. */
export function stopSeconds({ drainSeconds }: ServiceSite): number {
  return drainSeconds + 10;
}

/** A line break would begin a directive of its own, and XML cannot carry control characters at all. */
export function refuseControls(path: string): void {
  if (!/\p{Cc}/u.test(path)) return;
  throw new UserError(`the path ${JSON.stringify(path)} holds a control character, which no unit can name`, {
    fix: "rename that folder or file, and run the same command again",
  });
}
