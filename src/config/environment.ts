// What the process gets from outside: environment variables and the platform's folders. Passed as a value, so that nothing else reads them.

import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import envPaths from "env-paths";
import type { EnvironmentProxySettings } from "../network/environment-proxy.ts";

export interface Environment {
  env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  cwd: string;
  /** The platform's folder for this program's configuration (`$XDG_CONFIG_HOME/cc-relay` on Linux); need not exist. */
  configFolder: string;
  /** The platform's folder for this program's data; need not exist. */
  dataFolder: string;
}

/** The environment of this process. */
export function readEnvironment(): Environment {
  const folders = envPaths("cc-relay", { suffix: "" });
  return {
    env: process.env,
    cwd: process.cwd(),
    configFolder: isAbsolute(folders.config) ? folders.config : join(homedir(), ".config", "cc-relay"),
    dataFolder: isAbsolute(folders.data) ? folders.data : join(homedir(), ".local", "share", "cc-relay"),
  };
}

/** The proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name; undefined when there is none. Lower case wins, as in curl. */
export function readEnvironmentProxy(env: Environment["env"]): EnvironmentProxySettings | undefined {
  const httpProxy = env.http_proxy || env.HTTP_PROXY;
  const httpsProxy = env.https_proxy || env.HTTPS_PROXY;
  const noProxy = env.no_proxy || env.NO_PROXY;
  if (!httpProxy && !httpsProxy) return undefined;
  return {
    ...(httpProxy ? { httpProxy } : {}),
    ...(httpsProxy ? { httpsProxy } : {}),
    ...(noProxy ? { noProxy } : {}),
  };
}
