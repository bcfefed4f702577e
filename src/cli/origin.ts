// The URL of an address that a relay listens on.

/** As programs of this machine reach it: `http://HOST:PORT`. */
export function originOf({ host, port }: { host: string; port: number }): string {
  if (host === "0.0.0.0" || host === "") return `http://127.0.0.1:${port}`;
  if (host === "::" || host === "[::]") return `http://[::1]:${port}`;
  if (!host.includes(":") || host.startsWith("[")) return `http://${host}:${port}`;
  // RFC 6874: the percent sign before a zone is itself encoded.
  return `http://[${host.replace("%", "%25")}]:${port}`;
}
