// A failure: what went wrong with one attempt on one account, as data. Upstreams make a Failure in one place each;
// the relay loop and the cooldown policy ask the Failure and never look at status codes or message texts.

export type Failure =
  /**
   * No answer: refused, reset, DNS, TLS, or a time-out before the first byte. `safeToRepeat`: no byte can have been
   * processed, because a kept-alive socket had already closed. `isAtWork`: the provider has the whole request and did not
   * answer in time; it may be at work on it, and bill it. `hasBegun`: it fell silent after the beginning of its answer.
   */
  | { kind: "unreachable"; cause: Error; safeToRepeat: boolean; isAtWork?: boolean; hasBegun?: boolean }
  /** The account's own proxy refused, or could not reach the provider. Never the login's fault. */
  | { kind: "proxy"; cause: Error }
  /**
   * A 5xx, a 3xx (never followed) or an API error as first event: counted, cooldown after three in a row. A 3xx is never
   * passed on. `isOfEdge`: a web page from in front of the API, which is never passed on either.
   */
  | { kind: "server-error"; status: number; reason: string; isOfEdge?: boolean }
  /** The answer unfolds to more than the relay reads of one: a limit of ours, so nobody is blamed. */
  | { kind: "unreadable"; reason: string }
  /**
   * A quota of this account is used up; with scope "model" only for the model family that was asked for. `until` is
   * epoch ms, undefined when the provider did not say.
   */
  | { kind: "rate-limited"; scope: "account" | "model"; until?: number; reason: string }
  /** A 429 without any rate-limit header, or of an operation with a limit of its own: nobody is blamed, the next account may answer. */
  | { kind: "limited-unblamed"; reason: string }
  /** 529, 503 or a capacity reason: the provider is full, not this account. `until` is epoch ms, when it gave a delay. */
  | { kind: "capacity"; until?: number; reason: string }
  /** The provider says that the key, token or login is not valid: see upstreams/standing.ts. */
  | { kind: "unauthorized"; reason: string }
  /** The token endpoint says that the refresh token is dead. That is no refusal of a request: only signing in again helps. */
  | { kind: "login-revoked"; reason: string }
  /**
   * The token endpoint does not take our request (client id, address, scope): the configuration has to be fixed. `until` is
   * epoch ms of the next try.
   */
  | { kind: "refresh-rejected"; until?: number; reason: string }
  /**
   * The store cannot keep or read this account's login: refreshing it would lose it. `until` is epoch ms of the next try.
   */
  | { kind: "storage"; until: number; reason: string }
  /**
   * A 401 or 403 that nothing known explains: nobody is blamed, one other account is tried, then the provider's answer is
   * passed on.
   */
  | { kind: "unexplained-refusal"; status: number; reason: string }
  /**
   * A firewall in front of the provider refused: nobody is blamed, the next account may have another address. Its page is
   * never passed on. `ray` is Cloudflare's id of the refusal.
   */
  | { kind: "edge-refused"; status: number; ray: string | undefined; reason: string }
  /** 402, disabled, revoked, credit too low: a person has to act. */
  | { kind: "account-out"; reason: string }
  /** A 403 (or zero quota) about one model: the account is in cooldown for that model. */
  | { kind: "model-denied"; reason: string }
  /** A 404 that says this account has not the model: one other account is tried, then it is passed on. */
  | { kind: "model-missing"; reason: string }
  /**
   * The request is at fault: passed on unchanged, nobody is blamed. `isUnworded`: the answer is no error in the API's form, so
   * that whatever is at the address may not know the API's path at all. `isSentAgain`: over a WebSocket the client sends the whole
   * conversation again, over the next one.
   */
  | { kind: "rejected"; status: number; reason: string; isUnworded?: boolean; isSentAgain?: boolean }
  /** This machine is short of file descriptors, memory or ports: no account's fault. */
  | { kind: "shortage"; cause: Error }
  /** The client went away. */
  | { kind: "aborted" };

export type FailureKind = Failure["kind"];
