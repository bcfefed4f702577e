// Checks the proxy variables: clients obey them for loopback addresses, too.

import { exceptFromProxy, proxyInTheWay } from "../../clients/proxy-variables.ts";
import { clientInfo, clients } from "../../clients/variables.ts";
import { isLoopbackHost } from "../../network/loopback.ts";
import { withoutBrackets } from "../../network/proxy.ts";
import { shellSyntax } from "../../terminal/shells.ts";
import { type Check, findingsOn } from "../check.ts";
import type { Surroundings } from "./surroundings.ts";

/** Claude Code, Gemini CLI and Codex were all seen to send their requests for 127.0.0.1 to the proxy. */
export function checkProxyVariables({ env, relay, shell }: Surroundings): Check[] {
  const findings = findingsOn("clients", "proxy");
  const anyProxy = proxyInTheWay("", { ...env, NO_PROXY: undefined, no_proxy: undefined });
  if (anyProxy === undefined) return [];
  const hosts = hostsOf(env, relay?.origin);
  const missing = hosts.filter((host) => proxyInTheWay(host, env) !== undefined);
  if (missing.length === 0)
    return [findings.ok(`${anyProxy} is set, and NO_PROXY excepts ${hosts.join(" and ")}`)];
  const added = new Set([...missing, ...(missing.includes("127.0.0.1") ? ["localhost"] : [])]);
  return [
    findings.warn(
      `${anyProxy} is set and NO_PROXY does not name ${missing.join(" and ")}: clients send what is for the relay to the proxy`,
      exceptFromProxy([...added], env, shellSyntax[shell]),
    ),
  ];
}

/** Those that clients would ask for, by the relay's own address and by their variables. */
function hostsOf(env: Surroundings["env"], origin: string | undefined): string[] {
  const urls = clients.flatMap((client) => env[clientInfo[client].urlVariable ?? ""] ?? []);
  const named = [...urls, origin ?? "http://127.0.0.1"].flatMap((url) =>
    URL.canParse(url) ? [withoutBrackets(new URL(url).hostname)] : [],
  );
  const own = origin === undefined ? undefined : withoutBrackets(new URL(origin).hostname);
  return [...new Set(named.filter((host) => host === own || isLoopbackHost(host)))].sort();
}
