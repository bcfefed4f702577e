// Checks the way to a provider step by step (proxy, DNS, TCP, TLS): the first step that fails is the one to fix.

import { isIP, type Socket } from "node:net";
import tls, { type PeerCertificate } from "node:tls";
import { readNetworkFault } from "../network/faults.ts";
import { describeProxy, formatHostPort, type ProxySettings, withoutBrackets } from "../network/proxy.ts";
import { openTcp } from "../network/tcp.ts";
import { openTunnel, trust } from "../network/tunnel.ts";
import { singleLine, truncate } from "../terminal/width.ts";

export type Step = "proxy" | "DNS" | "TCP" | "TLS";

export type Walk =
  | { ok: true; steps: Step[] }
  | {
      ok: false;
      step: Step;
      /** What went wrong, without a full stop. */
      message: string;
      /** For TLS: the code of what is wrong with the certificate, where it is that. */
      code?: string;
    };

export interface RouteOptions {
  target: URL;
  /** Undefined: a direct connection. */
  proxy: ProxySettings | undefined;
  /** All addresses of a name. */
  lookup(host: string): Promise<readonly string[]>;
  /** For each step. */
  limitMs: number;
  /** A PEM certificate to trust beside those Node trusts. */
  ca: string | undefined;
}

/** Connects and says nothing: no byte of a request is sent. */
export async function walkRoute(options: RouteOptions): Promise<Walk> {
  const { target } = options;
  const host = withoutBrackets(target.hostname);
  const place: Place = {
    host,
    port: Number(target.port) || (target.protocol === "https:" ? 443 : 80),
  };
  const steps: Step[] = [];
  let step: Step = options.proxy ? "proxy" : "DNS";
  let socket: Socket | undefined;
  try {
    if (options.proxy) {
      // Names are resolved by the proxy, here nobody hears of them.
      socket = await throughProxy(options.proxy, place, options);
      steps.push("proxy");
    } else {
      if (isIP(host) === 0) {
        await resolve(host, options);
        steps.push("DNS");
      }
      step = "TCP";
      socket = await connect(place, options.limitMs);
      steps.push("TCP");
    }
    if (target.protocol === "https:") {
      step = "TLS";
      const fault = await shakeHands(socket, place, options);
      if (fault !== undefined) return { ok: false, step, ...fault };
      steps.push("TLS");
    }
    return { ok: true, steps };
  } catch (error) {
    return { ok: false, step, message: messageOf(error) };
  } finally {
    socket?.destroy();
  }
}

interface Place {
  host: string;
  port: number;
}

async function throughProxy(proxy: ProxySettings, place: Place, options: RouteOptions): Promise<Socket> {
  const late = new Error(
    `${describeProxy(proxy)} did not open a tunnel within ${inSeconds(options.limitMs)}`,
  );
  return withLimit(options.limitMs, late, (signal) =>
    openTunnel(proxy, place, { signal, limitMs: options.limitMs, ca: options.ca }),
  );
}

async function resolve(host: string, { lookup, limitMs }: RouteOptions): Promise<void> {
  const late = new Error(`no name server answered for ${host} within ${inSeconds(limitMs)}`);
  const addresses = await withLimit(limitMs, late, () => lookup(host));
  if (addresses.length === 0) throw new Error(`the name ${host} has no address`);
}

function connect(place: Place, limitMs: number): Promise<Socket> {
  const late = new Error(
    `no connection to ${formatHostPort(place.host, place.port)} within ${inSeconds(limitMs)}`,
  );
  return withLimit(limitMs, late, async (signal) => {
    const socket = await openTcp(place, { signal, limitMs });
    // A socket without a listener ends the process when it breaks later.
    return socket.on("error", () => {});
  });
}

/** Undefined when the certificate is good. An untrusted one is read too, to say what is wrong with it. */
function shakeHands(
  socket: Socket,
  { host, port }: Place,
  { limitMs, ca }: RouteOptions,
): Promise<{ message: string; code?: string } | undefined> {
  const where = formatHostPort(host, port);
  const late = new Error(`${where} did not finish the handshake within ${inSeconds(limitMs)}`);
  return withLimit(limitMs, late, (signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<
      { message: string; code?: string } | undefined
    >();
    const secure = tls.connect({
      socket,
      host,
      servername: isIP(host) === 0 ? host : "",
      ALPNProtocols: ["http/1.1"],
      rejectUnauthorized: false,
      ...trust(ca),
    });
    signal.addEventListener("abort", () => secure.destroy(), { once: true });
    secure.on("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "ECONNRESET" ? "the connection was closed" : (error.code ?? "no TLS");
      reject(new Error(`the handshake with ${where} failed (${why})`));
    });
    secure.once("secureConnect", () => {
      const code = String(secure.authorizationError);
      const message = describeCertificate(code, host, secure.getPeerCertificate());
      resolve(secure.authorized ? undefined : { code, message });
      secure.destroy();
    });
    return promise;
  });
}

function describeCertificate(code: string, host: string, certificate: PeerCertificate): string {
  switch (code) {
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `the certificate is for ${namesOf(certificate)}, not for ${host}`;
    case "CERT_HAS_EXPIRED":
      return `the certificate of ${host} expired on ${dayOf(certificate.valid_to)}`;
    case "CERT_NOT_YET_VALID":
      return `the certificate of ${host} begins on ${dayOf(certificate.valid_from)}`;
    default: {
      const issuer = certificate.issuer?.O ?? certificate.issuer?.CN;
      const from = issuer === undefined ? "" : `, issued by ${foreign([issuer].flat().join(" "))}`;
      return `the certificate of ${host}${from}, is not trusted (${code})`;
    }
  }
}

/** `DNS:a.example, DNS:b.example, IP Address:10.0.0.1` without the kinds. */
function namesOf({ subjectaltname, subject }: PeerCertificate): string {
  const names =
    subjectaltname?.replace(/(?:DNS|IP Address):/g, "") ?? [subject?.CN ?? "nobody"].flat().join(", ");
  return foreign(names);
}

/** Anybody can write anything into a certificate. */
function foreign(text: string): string {
  return truncate(singleLine(text), 80);
}

function dayOf(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? "an unreadable day" : new Date(at).toISOString().slice(0, 10);
}

function messageOf(error: unknown): string {
  // Ours are sentences already; those of the system have codes.
  const { code } = error as { code?: unknown };
  if (error instanceof Error && code === undefined && !(error instanceof AggregateError))
    return error.message;
  return readNetworkFault(error).message;
}

function inSeconds(ms: number): string {
  return `${ms / 1000} s`;
}

/** Rejects with `late` when the work takes longer; what it opens is closed through the signal. */
async function withLimit<T>(ms: number, late: Error, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(late);
    limit.abort(late);
  }, ms);
  try {
    return await Promise.race([work(limit.signal), promise]);
  } finally {
    clearTimeout(timer);
  }
}
