// The proxy variables of a client's environment: clients obey them for loopback addresses, too.

import type { Fix } from "../domain/errors.ts";
import type { Environment } from "../terminal/environment.ts";
import type { ShellSyntax } from "../terminal/shells.ts";

/** The proxy variable through which a client would send its requests to `host`; undefined when none does. */
export function proxyInTheWay(host: string, env: Environment): string | undefined {
  const name = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"].find(
    (each) => Boolean(env[each]),
  );
  if (name === undefined) return undefined;
  // A client reads one of the two spellings, and which one differs: only both make it certain, one is the custom.
  const exceptions = `${env.NO_PROXY ?? ""},${env.no_proxy ?? ""}`.split(/[\s,]+/);
  return exceptions.some((exception) => covers(exception, host)) ? undefined : name;
}

/** NO_PROXY with the host added, for a child process. */
export function withoutProxy(host: string, env: Environment): Record<string, string> {
  const value = addExceptions([host], env);
  return { NO_PROXY: value, no_proxy: value };
}

/** The same for a shell. */
export function exceptFromProxy(
  hosts: readonly string[],
  env: Environment,
  { set }: Pick<ShellSyntax, "set">,
): Fix {
  const command = set("NO_PROXY", addExceptions(hosts, env));
  return command === undefined
    ? { instruction: `add ${hosts.join(",")} to NO_PROXY` }
    : { instruction: "to except the relay, run:", command };
}

function addExceptions(hosts: readonly string[], env: Environment): string {
  const present = env.NO_PROXY || env.no_proxy;
  return [...new Set([...(present ? [present] : []), ...hosts])].join(",");
}

function covers(exception: string, host: string): boolean {
  const withoutPort = /^(\[.*\]|[^:]*):\d+$/.exec(exception)?.[1] ?? exception;
  const bare = withoutPort
    .replace(/^\[|\]$/g, "")
    .replace(/^\*?\./, "")
    .toLowerCase();
  if (bare === "") return false;
  return bare === "*" || bare === host || host.endsWith(`.${bare}`);
}
