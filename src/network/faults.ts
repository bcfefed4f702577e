// Describes a failed exchange with a provider in one sentence, without credentials; and the two errors of our own that it knows.

import { findDescriptorShortage } from "./descriptors.ts";
import { describeProxy, formatHostPort, type ProxySettings, withoutBrackets } from "./proxy.ts";

export interface NetworkFault {
  /**
   * `proxy`: the account's way out is broken, never the provider's or the login's fault. `aborted`: it was cancelled here.
   * `timeout` and `unreachable`: the provider did not answer, or stopped. `shortage`: this machine lacks file descriptors,
   * memory or ports, which is nobody else's fault.
   */
  kind: "proxy" | "unreachable" | "timeout" | "shortage" | "aborted";
  /** One sentence, no full stop; names host and port where they are known. */
  message: string;
  /** No byte of the request can have been processed: the same account may be asked again at once. */
  safeToRepeat: boolean;
  /** The request may have reached the provider, whole or in part, and been acted on. */
  mayBeProcessed: boolean;
}

/** What the connection knows about a failed exchange and the error does not say. */
export interface ExchangeFacts {
  /** scheme://host[:port] */
  origin: string;
  /** How far the exchange came. */
  stage: "connecting" | "sent" | "answering";
  /** The connection was kept alive from an earlier exchange and turned out to be closed already. */
  stale: boolean;
}

/** Attaches facts to an error on its way to the caller. The error stays the same object. */
export function describeExchange(error: unknown, facts: ExchangeFacts): void {
  if (error instanceof Error && Object.isExtensible(error)) {
    Object.defineProperty(error, exchange, { value: facts, configurable: true });
  }
}

/** Reads any error that undici or our own connecting throws. */
export function readNetworkFault(error: unknown): NetworkFault {
  const chain = causes(error);
  const facts = chain.map(exchangeOf).find((found) => found !== undefined);
  const codes = chain.flatMap(codesOf);
  const where = placeOf(facts, chain);

  const fault = (kind: NetworkFault["kind"], message: string): NetworkFault => ({
    kind,
    message,
    safeToRepeat:
      kind === "unreachable" && facts !== undefined && (facts.stale || isClosedHere(codes, facts)),
    mayBeProcessed: facts === undefined || (facts.stage !== "connecting" && !facts.stale),
  });

  const shortage = findShortage(codes);
  if (shortage !== undefined) return fault("shortage", shortage);
  const broken = chain.find((part) => part instanceof ProxyFault);
  if (broken !== undefined) return fault("proxy", broken.message);
  const late = chain.find((part) => part instanceof ConnectTimeout);
  if (late !== undefined) return fault("timeout", late.message);

  if (chain.some((part) => part.name === "TimeoutError") || codes.some((code) => timeouts.has(code))) {
    return fault("timeout", `${where} did not answer in time`);
  }
  if (chain.some((part) => part.name === "AbortError") || codes.some((code) => aborts.has(code))) {
    return fault("aborted", `the request to ${where} was cancelled`);
  }
  return fault("unreachable", describeUnreachable(where, codes, facts));
}

/** Says what this machine is short of when that is why something failed; undefined for every other error. */
export function readShortage(error: unknown): string | undefined {
  return findShortage(causes(error).flatMap(codesOf));
}

function findShortage(codes: readonly string[]): string | undefined {
  const said = codes.find((each) => shortages.has(each));
  // The system's resolver says of a name that it does not exist, too, when it gets no descriptor to look it up with.
  const code = said ?? (codes.some((each) => unresolved.test(each)) ? findDescriptorShortage() : undefined);
  return code && `this machine is short of ${shortages.get(code)} (${code})`;
}

const unresolved = /^(ENOTFOUND|EAI_)/;

const shortages: ReadonlyMap<string, string> = new Map([
  ["EMFILE", "file descriptors"],
  ["ENFILE", "file descriptors"],
  ["ENOMEM", "memory"],
  ["ENOBUFS", "memory"],
  ["EADDRNOTAVAIL", "ports"],
]);

const exchange = Symbol("exchange");

const timeouts: ReadonlySet<string> = new Set([
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);

const aborts: ReadonlySet<string> = new Set(["UND_ERR_ABORTED", "UND_ERR_ABORT", "ABORT_ERR"]);

/** The error, what caused it, and where several addresses were tried, each try's error. */
function causes(error: unknown): Error[] {
  const found: Error[] = [];
  const waiting: unknown[] = [error];
  while (waiting.length > 0 && found.length < 20) {
    const next = waiting.shift();
    if (!(next instanceof Error) || found.includes(next)) continue;
    found.push(next);
    waiting.push(next.cause);
    if (next instanceof AggregateError) waiting.push(...next.errors);
  }
  return found;
}

function exchangeOf(error: Error): ExchangeFacts | undefined {
  return (error as { [exchange]?: ExchangeFacts })[exchange];
}

function codesOf(error: Error): string[] {
  const { code } = error as { code?: unknown };
  if (typeof code === "string") return [code];
  // undici's parser names what it stumbled over only now and then.
  return error.name === "HTTPParserError" ? ["HPE_INVALID"] : [];
}

/** Node's own errors know the address they failed for; undici's know nothing, so the exchange's origin comes first. */
function placeOf(facts: ExchangeFacts | undefined, chain: readonly Error[]): string {
  if (facts !== undefined && URL.canParse(facts.origin)) {
    const url = new URL(facts.origin);
    const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
    return formatHostPort(withoutBrackets(url.hostname), port);
  }
  for (const error of chain) {
    const { hostname, address, port } = error as { hostname?: unknown; address?: unknown; port?: unknown };
    const host = typeof hostname === "string" ? hostname : address;
    if (typeof host === "string") return typeof port === "number" ? formatHostPort(host, port) : host;
  }
  return "the provider";
}

function describeUnreachable(
  where: string,
  codes: readonly string[],
  facts: ExchangeFacts | undefined,
): string {
  const has = (pattern: RegExp) => codes.find((code) => pattern.test(code));
  if (has(/^ECONNREFUSED$/)) return `${where} refused the connection`;
  if (has(unresolved)) return `the name of ${where} could not be resolved (${has(unresolved)})`;
  const certificate = has(/CERT|SELF_SIGNED|^UNABLE_TO_|ALTNAME/);
  if (certificate) return `the TLS certificate of ${where} was not accepted (${certificate})`;
  const tls = has(/^(ERR_TLS|ERR_SSL|EPROTO)/);
  if (tls) return `TLS with ${where} failed (${tls})`;
  const protocol = has(/^(HPE_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_)/);
  if (protocol) return `${where} sent something that is not an HTTP answer (${protocol})`;
  if (has(/^UND_ERR_(CLOSED|DESTROYED)$/)) return `the connections to ${where} were closed here`;
  if (has(/^(UND_ERR_SOCKET|ECONNRESET|EPIPE|ECONNABORTED)$/)) {
    if (facts?.stage === "answering") return `${where} broke off in the middle of its answer`;
    return `${where} closed the connection without an answer`;
  }
  const code = codes[0];
  return `the connection to ${where} failed${code === undefined ? "" : ` (${code})`}`;
}

/** The dispatcher was closed under a request that had not been sent: its account's proxy had just changed. */
function isClosedHere(codes: readonly string[], facts: ExchangeFacts): boolean {
  return facts.stage === "connecting" && codes.some((code) => /^UND_ERR_(CLOSED|DESTROYED)$/.test(code));
}

/** A connection was not made in time. The message is one sentence and names host and port. */
export class ConnectTimeout extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConnectTimeout";
  }
}

/**
 * A fault between the relay and a proxy: never the provider's and never the login's. The message is one sentence without credentials
 * and names the proxy's host and port.
 */
export class ProxyFault extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "ProxyFault";
  }
}

/** What went wrong with the connection to a proxy, by the code or the text of an error. */
export function describeProxyFailure(proxy: ProxySettings, error: unknown): string {
  const text = typeof error === "string" ? error : describeCode(error);
  const name = describeProxy(proxy);
  if (/ECONNREFUSED/.test(text)) return `${name} refused the connection`;
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return `the name of ${name} could not be resolved`;
  if (/timed out|ETIMEDOUT/i.test(text)) return `${name} did not answer in time`;
  if (/socket closed|socket hang up|ECONNRESET|EPIPE/i.test(text)) {
    return `${name} closed the connection instead of opening a tunnel`;
  }
  if (/CERT|ERR_TLS|ERR_SSL|SELF_SIGNED|UNABLE_TO|EPROTO/.test(text)) {
    return `the TLS connection to ${name} failed (${/[A-Z][A-Z_0-9]{5,}/.exec(text)?.[0] ?? "TLS"})`;
  }
  return `${name} did not open a tunnel`;
}

/** The codes of an error; several where several addresses were tried. */
function describeCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.map(describeCode).join(" ");
  }
  if (!(error instanceof Error)) return "";
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? `${code} ${error.message}` : error.message;
}
