// The error for a connection that was not made in time.

/** The message is one sentence and names host and port. */
export class ConnectTimeout extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConnectTimeout";
  }
}
