// Faults between the relay and a proxy: never the provider's and never the login's fault.

/** The message is one sentence without credentials and names the proxy's host and port. */
export class ProxyFault extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "ProxyFault";
  }
}
