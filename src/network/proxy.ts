// An account's own proxy.

export interface ProxySettings {
  /** `socks5` and `socks5h` both resolve names at the proxy: resolving locally would leak them. */
  type: "socks5" | "socks5h" | "http" | "https";
  host: string;
  port: number;
  username?: string;
  password?: string;
}

/**
 * Reads a proxy as people write it: `socks5h://user:pass@host:1080`, `http://host:3128`, `host:3128`.
 * Undefined when it is not a proxy; the text may hold a password, so no reason quotes it.
 */
export function readProxyUrl(text: string): ProxySettings | undefined {
  // curl and Go take an address without a scheme for an HTTP proxy, and so do the people who set HTTPS_PROXY.
  const url = parseUrl(text.includes("://") ? text : `http://${text}`);
  const type = url === undefined ? undefined : schemes[url.protocol];
  if (url === undefined || type === undefined || url.hostname === "") return undefined;
  const username = decode(url.username);
  const password = decode(url.password);
  if (username === undefined || password === undefined) return undefined;
  return {
    type,
    host: withoutBrackets(url.hostname),
    port: url.port === "" ? defaultPorts[type] : Number(url.port),
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
  };
}

/** `the socks5 proxy 10.0.0.1:1080`, without credentials: for messages. */
export function describeProxy(proxy: ProxySettings): string {
  return `the ${proxy.type} proxy ${formatHostPort(proxy.host, proxy.port)}`;
}

/** `host:port`, an IPv6 address in brackets. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function withoutBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

const schemes: Readonly<Record<string, ProxySettings["type"] | undefined>> = {
  "http:": "http",
  "https:": "https",
  "socks5:": "socks5",
  "socks5h:": "socks5h",
  "socks:": "socks5h",
};

const defaultPorts = { http: 80, https: 443, socks5: 1080, socks5h: 1080 } as const;

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function decode(component: string): string | undefined {
  try {
    return decodeURIComponent(component);
  } catch {
    return undefined;
  }
}
