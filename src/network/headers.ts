// Forwards headers as raw pairs (name, value, name, value …): which are dropped, and why.

export interface SplitHeaders {
  /** For the provider: the client's order and case, less what concerns one hop, the relay, or a credential. */
  forward: string[];
  /** The client's own credential headers: for pass-through only. */
  credential: string[];
  /** The value of accept-encoding; undefined when the client sent none. */
  acceptEncoding: string | undefined;
}

/** Whether a value is a key of the relay's own: no provider may see one, wherever it is. */
export type IsRelayKey = (value: string) => boolean;

/** Sorts a client's request headers. Anything that is not known to concern this hop or the credential is forwarded. */
export function splitRequestHeaders(rawHeaders: readonly string[], isRelayKey: IsRelayKey): SplitHeaders {
  const named = namedByConnection(rawHeaders);
  const forward: string[] = [];
  const credential: string[] = [];
  const codings: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    const value = rawHeaders[at + 1]!;
    const lower = name.toLowerCase();
    if (isRelayKey(value)) continue;
    if (credentialHeaders.has(lower)) credential.push(name, value);
    else if (lower === "accept-encoding") codings.push(value);
    else if (!isDroppedFromRequest(lower) && !named.has(lower) && isWritable(value))
      forward.push(name, value);
  }
  return { forward, credential, acceptEncoding: codings.length === 0 ? undefined : codings.join(", ") };
}

export interface ResponseHeaderOptions {
  /** The body goes out as it came, coding included: only then is its content-length still true. */
  bodyUnchanged: boolean;
  /** Whether a header (lower-case name) is kept from the client. */
  drop?: (name: string) => boolean;
}

/** A provider's response headers for the client, from undici's raw form; order, case and repetitions stay. */
export function forwardResponseHeaders(
  rawHeaders: readonly (string | Buffer)[],
  options: ResponseHeaderOptions,
): string[] {
  const pairs = rawHeaders.map((part) => (typeof part === "string" ? part : part.toString("latin1")));
  const named = namedByConnection(pairs);
  const forward: string[] = [];
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const name = pairs[at]!;
    const value = pairs[at + 1]!;
    const lower = name.toLowerCase();
    if (isHopByHop(lower) || named.has(lower) || isForRelayToSay(lower)) continue;
    if (lower === "content-length" && !options.bodyUnchanged) continue;
    if (options.drop?.(lower)) continue;
    if (isToken(name) && isWritable(value)) forward.push(name, value);
  }
  return forward;
}

/** Takes `key=` out of "?…": a key of the client's, which only its own credential's provider may see. */
export function stripKeyParameter(query: string): string {
  return withoutParameters(query, (parameter) => nameOf(parameter) === "key");
}

/** Takes every parameter out of "?…" whose whole value is a key of the relay's. */
export function stripRelayKeys(query: string, isRelayKey: IsRelayKey): string {
  return withoutParameters(query, (parameter) => isRelayKey(parameterValue(parameter)));
}

/** What stays does so byte for byte. */
function withoutParameters(query: string, isDropped: (parameter: string) => boolean): string {
  const parameters = parametersOf(query);
  const kept = parameters.filter((parameter) => !isDropped(parameter));
  if (kept.length === parameters.length) return query;
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

function parametersOf(query: string): string[] {
  return query.startsWith("?") ? query.slice(1).split("&") : [];
}

/** Decoded: an encoded spelling (`%6Bey=`) means the same to the provider and would carry the key there. */
function nameOf(parameter: string): string {
  const equals = parameter.indexOf("=");
  return decodeQuery(equals === -1 ? parameter : parameter.slice(0, equals));
}

/** A parameter without a value is all name, and may be the key itself. */
function parameterValue(parameter: string): string {
  return decodeQuery(parameter.slice(parameter.indexOf("=") + 1));
}

/**
 * What identifies or pays for the client itself: the relay's key, a provider's key, and the names of an organisation that
 * only the client's own credential belongs to (OpenAI answers 401 when they do not fit the key).
 */
const credentialHeaders: ReadonlySet<string> = new Set([
  "authorization",
  "x-api-key",
  "x-goog-api-key",
  "chatgpt-account-id",
  "openai-organization",
  "openai-project",
]);

/** RFC 9110, section 7.6.1. */
const hopByHopHeaders: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

function isHopByHop(name: string): boolean {
  return hopByHopHeaders.has(name) || name.startsWith("proxy-");
}

/** A provider that lets web pages in speaks for its own host, not for this one; our own names say what this relay did. */
function isForRelayToSay(name: string): boolean {
  return name.startsWith("access-control-") || name.startsWith("x-cc-relay-");
}

function isDroppedFromRequest(name: string): boolean {
  return (
    isHopByHop(name) ||
    name === "host" ||
    name === "content-length" ||
    // node:http has answered it already; undici refuses to send it.
    name === "expect" ||
    // Of other servers on this host: browsers send them to every port.
    name === "cookie" ||
    name.startsWith("x-cc-relay-")
  );
}

/** Lower-case names that a Connection header declares to be for this hop only. */
function namedByConnection(pairs: readonly string[]): ReadonlySet<string> {
  let named: Set<string> | undefined;
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    if (pairs[at]!.length !== 10 || pairs[at]!.toLowerCase() !== "connection") continue;
    named ??= new Set();
    for (const option of pairs[at + 1]!.split(",")) named.add(option.trim().toLowerCase());
  }
  return named ?? nothing;
}

const nothing: ReadonlySet<string> = new Set();

/** node:http and undici throw on anything else, and one odd header must not cost the whole message. */
function isWritable(value: string): boolean {
  return !/[^\t\x20-\x7e\x80-\xff]/.test(value);
}

function isToken(name: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name);
}

function decodeQuery(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
