// The JSON objects that commands print with `--json` and that `/status` and the page are answered with. Types only: the page
// is compiled with them too. Times are RFC 3339; null means not known, or none.

export interface WindowDocument {
  name: string;
  /** A fraction, can exceed 1. */
  utilization: number | null;
  resets_at: string | null;
  status: string | null;
}

/** A client's own login on an account of type `client`. */
export interface LoginDocument {
  /** A keyed hash. */
  hash: string;
  state: "ready" | "cooldown" | "disabled" | "needs-login";
  reason: string | null;
  until: string | null;
  windows: WindowDocument[];
}

export interface AccountDocument {
  id: string;
  name: string;
  type: string;
  family: string;
  priority: number;
  enabled: boolean;
  state: "ready" | "cooldown" | "disabled" | "needs-login";
  reason: string | null;
  until: string | null;
  last_used_at: string | null;
  windows: WindowDocument[];
  /** Of accounts of type `client` only: the logins of the last eight days, the last used first. */
  logins?: LoginDocument[];
  requests_24h: number;
  tokens_24h: number;
  /** Of the requests that have a price; null when there are only requests without one. */
  cost_usd_24h: number | null;
}

/** Tokens of one request, by kind; `input` is the uncached part, `reasoning` a part of `output`. */
export interface TokensDocument {
  input: number;
  output: number;
  cache_creation: number;
  cache_read: number;
  reasoning: number;
}

/** One request, running or ended. */
export interface RequestDocument {
  id: string;
  time: string;
  client: string;
  family: string;
  route: string;
  /** As it was asked for; "" when the request named none. */
  model: string;
  /** As it went to the provider, where the configuration replaced it. */
  sent_model: string | null;
  /** The account that answered; for a running request the one that is being asked. */
  account: string | null;
  /** Every account that was asked, in order. */
  path: string[];
  /** Null while it runs. */
  status: number | null;
  /** `complete`, `truncated`, `aborted`, `failed` or `moved`; null while it runs. */
  outcome: string | null;
  first_byte_ms: number | null;
  /** Null while it runs. */
  total_ms: number | null;
  /** Null while it runs, and where its provider has not said what it used. */
  tokens: TokensDocument | null;
  cost_usd: number | null;
}

export interface UsageFigures {
  requests: number;
  errors: number;
  input_tokens: number;
  output_tokens: number;
  cache_creation_tokens: number;
  cache_read_tokens: number;
  reasoning_tokens: number;
  /** Of the requests that have a price; null when there are only requests without one. */
  cost_usd: number | null;
}

/** `GET /status`. */
export interface StatusDocument {
  version: string;
  started_at: string;
  /** How many requests run, also when `running` does not list them all. */
  running_count: number;
  accounts: (AccountDocument & { running: number })[];
  /** Newest first, 200 at most; the attempts are those that have ended. */
  running: RequestDetailDocument[];
  /** Newest first, 50 at most. */
  recent: RequestDocument[];
  /** Since midnight, local time. */
  today: UsageFigures;
}

/** `sent_model`: only in rows of models that were sent under another name. */
export type UsageRowDocument = UsageFigures & { key: string; sent_model?: string };

/** `GET /ui/data/usage`: one sum per key and step of time. */
export interface UsageSeriesDocument {
  since: string;
  until: string;
  by: UsageDimension;
  step: "hour" | "day" | "week";
  /** `label` is the relay's local time: an hour as `2026-11-30 14:00`, a day, or the first day of a week. */
  steps: { label: string; start: string; rows: UsageRowDocument[] }[];
  /** Over the whole period, the most requests first. */
  rows: UsageRowDocument[];
  total: UsageFigures;
}

export type UsageDimension = "model" | "account" | "client" | "family";

export interface AttemptDocument {
  account: string;
  /** Of the provider's answer; null when there was none. */
  status: number | null;
  /** How the answer was classified: `answered`, or the kind of failure. */
  class: string;
  /** What followed: passed on, the next account, the same one again, nothing. */
  next: string;
  ms: number | null;
  /** Why it failed, in a line; null for a good answer. */
  reason: string | null;
}

/** `GET /ui/data/requests`. */
export interface RequestListDocument {
  requests: RequestDocument[];
  /** There are older ones that fit. */
  more: boolean;
}

/** `GET /ui/data/requests/ID`. */
export type RequestDetailDocument = RequestDocument & { attempts: AttemptDocument[] };

/** `GET /ui/data/doctor`. */
export interface DoctorDocument {
  ok: boolean;
  checked_at: string;
  checks: CheckDocument[];
}

export interface CheckDocument {
  name: string;
  status: "ok" | "warn" | "fail";
  detail: string;
  /** What to do. */
  fix: string | null;
  /** The command with which `fix` ends; null where there is none. */
  command: string | null;
}
