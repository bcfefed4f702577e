// Checks an account: the way to its provider, then its key or login. Nothing goes round its proxy.

import type { AccountConfig } from "../config/config.ts";
import { type Advice, UserError } from "../domain/errors.ts";
import type { ProviderName } from "../domain/family.ts";
import { type EnvironmentProxySettings, environmentProxyFor } from "../network/environment-proxy.ts";
import { ProxyFault } from "../network/faults.ts";
import { describeProxy, type ProxySettings, withoutBrackets } from "../network/proxy.ts";
import { redact } from "../text/redact.ts";
import { type Check, type Findings, findingsOn } from "./check.ts";
import type { ClockReading } from "./clock.ts";
import { type TrialOptions, tryCredential } from "./credential.ts";
import { type RouteOptions, type Walk, walkRoute } from "./route.ts";
import { credentialName, replaceCredential, type Verdict } from "./verdict.ts";

export interface AccountOptions extends TrialOptions, Pick<RouteOptions, "lookup" | "ca"> {
  environmentProxy: EnvironmentProxySettings | undefined;
  /** Where a client's own credential goes. */
  providerUrls: Readonly<Record<ProviderName, string>>;
}

export interface AccountExamination {
  check: Check;
  clock: ClockReading | undefined;
}

export function findingsOnAccount({ id }: AccountConfig): Findings {
  return findingsOn("accounts", id, `account ${id}`);
}

export async function checkAccount(
  account: AccountConfig,
  options: AccountOptions,
): Promise<AccountExamination> {
  const findings = findingsOnAccount(account);
  const only = (check: Check): AccountExamination => ({ check, clock: undefined });
  if (!account.enabled) return only(findings.ok("disabled, so it was not tried"));
  if (account.credential === "client") {
    return only(await checkWays(account, options));
  }
  const target = new URL(account.apiUrl);
  const found = await walkTo(account, target, options);
  if ("check" in found) return only(found.check);
  const { steps: taken, way } = found;
  if (account.secret === "" && account.credential !== "none") {
    const detail = "its key was not tried: the variable that holds it is not set here";
    return only(findings.warn(detail, "run this where the relay is started, or set the variable"));
  }
  try {
    const { verdict, clock } = await tryCredential(account, options);
    const check = checkOf(account, verdict, fineText([...taken, credentialName(account)], [way]));
    // The provider's words can quote what it was sent.
    return { check: { ...check, detail: redact(check.detail, [account.secret]) }, clock };
  } catch (error) {
    // The tokens of logins are in the database.
    if (!(error instanceof UserError)) throw error;
    return only(
      findings.warn(`its login was not tried: ${error.message}`, error.fix ?? "fix the database first"),
    );
  }
}

/** The ways to every provider that the clients' own credentials can be of. */
async function checkWays(account: AccountConfig, options: AccountOptions): Promise<Check> {
  const { claude, openai, chatgpt, gemini, codeAssist } = options.providerUrls;
  const urls = { claude: [claude], openai: [chatgpt, openai], gemini: [codeAssist, gemini] };
  const found = await Promise.all(urls[account.family].map((url) => walkTo(account, new URL(url), options)));
  const ways: OpenWay[] = [];
  for (const each of found) {
    if ("check" in each) return each.check;
    ways.push(each);
  }
  const fine = fineText(ways[0]?.steps ?? [], [...new Set(ways.map(({ way }) => way))]);
  return findingsOnAccount(account).ok(
    `${fine}; its credential comes with each request, so it was not tried`,
  );
}

/** `DNS, TCP and TLS are fine: HOST` */
function fineText(steps: readonly string[], ways: readonly string[]): string {
  const list = steps.join(", ").replace(/, ([^,]*)$/, " and $1");
  return `${list} ${steps.length === 1 ? "is" : "are"} fine: ${ways.join(" and ")}`;
}

interface OpenWay {
  steps: readonly string[];
  /** The host, and the proxy through which it was reached. */
  way: string;
}

async function walkTo(
  account: AccountConfig,
  target: URL,
  options: AccountOptions,
): Promise<OpenWay | { check: Check }> {
  const findings = findingsOnAccount(account);
  let proxy: ProxySettings | undefined;
  try {
    proxy = account.proxy ?? environmentProxyFor(targetOf(target), options.environmentProxy);
  } catch (error) {
    if (!(error instanceof ProxyFault)) throw error;
    return { check: findings.fail(`proxy: ${error.message}`, "correct that variable, or remove it") };
  }
  const walk = await walkRoute({ ...options, target, proxy });
  if (!walk.ok)
    return { check: findings.fail(`${walk.step}: ${walk.message}`, fixRoute(account, walk, target)) };
  const way = proxy === undefined ? target.host : `${target.host} through ${describeProxy(proxy)}`;
  return { steps: walk.steps, way };
}

function targetOf(url: URL): { secure: boolean; host: string; port: number } {
  const secure = url.protocol === "https:";
  return { secure, host: withoutBrackets(url.hostname), port: Number(url.port) || (secure ? 443 : 80) };
}

function checkOf(account: AccountConfig, verdict: Verdict, fine: string): Check {
  const findings = findingsOnAccount(account);
  const name = credentialName(account);
  switch (verdict.kind) {
    case "accepted":
      return findings.ok(fine);
    case "refused":
      return findings.needLogin(verdict.fact, verdict.fix);
    case "troubled": {
      const detail = `${name}: ${verdict.fact}`;
      const fix = verdict.fix;
      return verdict.fails ? findings.fail(detail, fix) : findings.warn(detail, fix);
    }
  }
}

/** How long before the end of a setup token a warning is given: nothing refreshes it, a person has to act. */
const setupTokenNoticeMs = 14 * 86_400_000;

/** Undefined while there is nothing to say. `end` undefined: the token was never used. */
export function checkSetupToken(
  account: AccountConfig,
  end: number | undefined,
  now: number,
): Check | undefined {
  if (account.credential !== "setup-token" || end === undefined || end - now > setupTokenNoticeMs)
    return undefined;
  const findings = findingsOnAccount(account);
  const day = new Date(end).toISOString().slice(0, 10);
  const fix = replaceCredential(account);
  if (end <= now) return findings.needLogin(`its setup token ended on ${day}`, fix);
  return findings.warn(`its setup token ends on ${day}, and nothing refreshes it`, fix);
}

function fixRoute(account: AccountConfig, walk: Walk & { ok: false }, target: URL): Advice {
  const isUsual = account.apiUrl === account.kind.defaultUrl;
  const orAddress =
    account.credential === "client"
      ? `, and the address of ${target.host} in [upstream] of config.toml, if it is there`
      : isUsual
        ? ""
        : `, and api_url of the account ${account.id}`;
  switch (walk.step) {
    case "proxy":
      return account.proxy === undefined
        ? "check the proxy that HTTP_PROXY and HTTPS_PROXY name, or except the provider's host in NO_PROXY"
        : {
            instruction: "check the proxy and the account's [accounts.proxy], then run:",
            command: "cc-relay doctor",
          };
    case "DNS":
      return `check this machine's network and name server${orAddress}`;
    case "TCP":
      return `check this machine's network and firewall${orAddress}`;
    case "TLS":
      return fixTls(walk.code, orAddress);
  }
}

function fixTls(code: string | undefined, orAddress: string): Advice {
  switch (code) {
    case undefined:
      return `check what answers there${orAddress}`;
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return `check this machine's clock${orAddress}`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `check what answers in the provider's place (a hosts file, a company's proxy)${orAddress}`;
    default:
      return {
        instruction: "if a company's proxy reads along here and may, start the relay with:",
        command: "NODE_EXTRA_CA_CERTS=FILE cc-relay serve",
      };
  }
}
