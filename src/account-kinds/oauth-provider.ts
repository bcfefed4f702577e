// The description of an OAuth provider; one file per provider fills it in.

/** Overrides from the configuration; undefined: the built-in value. The providers' hosts have moved before. */
export interface OAuthOverrides {
  authorizeUrl?: string;
  tokenUrl?: string;
  clientId?: string;
  clientSecret?: string;
  redirectUri?: string;
  scopes?: string[];
}

export interface OAuthProvider {
  /** As in `cc-relay login NAME`. */
  name: string;
  /** As in a sentence. */
  title: string;
  authorizeUrl: string;
  /** For codes and for refresh tokens. */
  tokenUrl: string;
  clientId: string;
  clientSecret: string | undefined;
  scopes: readonly string[];
  /** Parameters of the authorize address beside those of RFC 6749 and RFC 7636, in this order before them. */
  authorizeExtras: readonly [name: string, value: string][];
  redirects: Redirects;
  /** A refresh token is good once, and its successor exists only in the answer that carries it. */
  rotates: boolean;
  /** How the token endpoint wants its parameters. */
  encoding: "json" | "form";
  /** Raw pairs for the token endpoint when a refresh token is exchanged. */
  refreshHeaders: readonly string[];
  /** The token endpoint wants `state` back with the code. */
  sendsState: boolean;
  /** What the provider's terms say about such a login, before a person agrees to it: a line each on 80 columns. */
  terms: readonly [string, string, string];
}

export interface Redirects {
  /** Where the browser returns to on this machine. Port 0: any free one. Undefined: not possible with this client. */
  loopback: { host: string; port: number; path: string } | undefined;
  /** A page of the provider that shows the code to be pasted; undefined: this client has no such page. */
  page: string | undefined;
}

/** A configured redirect replaces both built-in ones: no other is registered for a client of one's own. */
export function chooseRedirects(builtIn: Redirects, configured: string | undefined): Redirects {
  if (configured === undefined || !URL.canParse(configured)) return builtIn;
  const url = new URL(configured);
  if (url.protocol !== "http:") return { loopback: undefined, page: configured };
  return {
    loopback: { host: url.hostname, port: Number(url.port || 0), path: url.pathname },
    page: undefined,
  };
}
