// Lists every secret of a configuration, so that they can be redacted.

import { readProxyUrl } from "../network/proxy.ts";
import type { Config } from "./config.ts";

export function secretsOf(config: Config): string[] {
  const { apiKeys, accounts, oauth, environmentProxy, notify } = config;
  const proxies = [...accounts, ...notify].map(({ proxy }) => proxy?.password);
  const secrets = [
    ...apiKeys.map(({ key }) => key),
    ...accounts.map(({ secret }) => secret),
    ...Object.values(oauth).map((section) => section?.clientSecret),
    ...proxies,
    ...[environmentProxy?.httpProxy, environmentProxy?.httpsProxy].map(
      (url) => url && readProxyUrl(url)?.password,
    ),
  ];
  return secrets.flatMap((secret) => secret || []);
}
