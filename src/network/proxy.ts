// An account's own proxy.

export interface ProxySettings {
  /** `socks5` and `socks5h` both resolve names at the proxy: resolving locally would leak them. */
  type: "socks5" | "socks5h" | "http" | "https";
  host: string;
  port: number;
  username?: string;
  password?: string;
}
