// The paths and figures of this machine that a service's description is made of.

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
