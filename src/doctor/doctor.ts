// Runs every check side by side and puts what they found in the order in which a person reads it.

import type { Dispatcher } from "undici";
import type { AccountConfig, Config } from "../config/config.ts";
import type { Environment } from "../config/environment.ts";
import type { Shell } from "../terminal/shells.ts";
import { redact } from "../text/redact.ts";
import { checkAccount, checkSetupToken, findingsOnAccount } from "./account.ts";
import { bounded, type Check, type Findings, findingsOn, mapFix } from "./check.ts";
import { checkClaude } from "./clients/claude.ts";
import { checkCodex } from "./clients/codex.ts";
import { checkGemini } from "./clients/gemini.ts";
import { checkOpenai } from "./clients/openai.ts";
import { checkProxyVariables } from "./clients/proxy.ts";
import type { Programs, RelayFacts, Surroundings } from "./clients/surroundings.ts";
import { type ClockReading, checkClock } from "./clock.ts";
import { type Configuration, readConfiguration } from "./configuration.ts";
import type { LoginSource } from "./credential.ts";
import { type Claim, checkDaemon, checkLock, type RelayProbe, readClaim } from "./daemon.ts";
import { checkDatabase, type DatabaseCheckOptions } from "./database.ts";
import { checkFileModes } from "./file-modes.ts";
import { checkNode } from "./node.ts";

export interface Machine {
  nodeVersion: string;
  platform: NodeJS.Platform;
  /** Of this process; undefined where users have no numbers. */
  uid: number | undefined;
  /** The user's home folder. */
  home: string;
  shell: Shell;
  /** Epoch ms. */
  now(): number;
}

export interface ProviderAccess {
  /** The account's own: whatever is sent for it goes through its proxy. */
  dispatcherFor(account: AccountConfig): Dispatcher;
  logins: LoginSource;
}

export interface ExaminationOptions {
  /** The value of `--config`. */
  configFile: string | undefined;
  environment: Environment;
  machine: Machine;
  /** Of this program. */
  version: string;
  /** Leaves out what needs a network; loopback does not. */
  offline: boolean;
  /** For each check, and for each step of an account's. */
  limitMs: number;
  probe: RelayProbe;
  programs: Programs;
  /** Asked only when an account is to be tried. */
  openProviders(config: Config): ProviderAccess;
  /** All addresses of a name. */
  lookup(host: string): Promise<readonly string[]>;
  /** A PEM certificate to trust beside those Node trusts. */
  ca?: string;
  /** See DatabaseCheckOptions. */
  inspectDatabase?: DatabaseCheckOptions["inspect"];
}

export async function examine(options: ExaminationOptions): Promise<Check[]> {
  const { machine, environment, limitMs } = options;
  const configuration = await readConfiguration({ flag: options.configFile, environment });
  const { config, file } = configuration;
  const databasePath = config?.server.databasePath;
  // First of all: opening a database closes its file to others.
  const modes = checkFileModes({ ...machine, configFile: file, databasePath });
  const claim: Claim = databasePath === undefined ? { kind: "unreadable" } : await readClaim(databasePath);

  const run = (findings: Findings, work: () => Promise<readonly Check[]> | readonly Check[]) =>
    bounded({ findings, limitMs: limitMs + graceMs, work: async () => work() });
  const accounts = examineAccounts(config, options);
  const surroundings = surroundingsOf(configuration, claim, options);
  const found = await Promise.all([
    [checkNode(machine.nodeVersion)],
    accounts.then(({ clocks }) => checkClock(clocks, machine.platform) ?? []),
    configuration.checks,
    modes,
    config
      ? run(findingsOn("relay", "database"), () =>
          checkDatabase(config.server.databasePath, { limitMs, inspect: options.inspectDatabase }),
        )
      : [],
    checkLock(claim) ?? [],
    config
      ? run(findingsOn("relay", "daemon"), () =>
          checkDaemon({ ...options, claim, address: config.server, now: machine.now() }),
        )
      : [],
    accounts.then(({ checks }) => checks),
    run(findingsOn("clients", "claude"), () => checkClaude(surroundings)),
    run(findingsOn("clients", "gemini"), () => checkGemini(surroundings)),
    run(findingsOn("clients", "codex"), () => checkCodex(surroundings)),
    run(findingsOn("clients", "openai"), () => checkOpenai(surroundings)),
    run(findingsOn("clients", "proxy"), () => checkProxyVariables(surroundings)),
  ]);
  return found.flat().map(withoutSecrets);
}

/** Checks with a limit of their own say more when it is theirs that ends them. */
const graceMs = 1000;

interface AccountExaminations {
  checks: Check[];
  clocks: ClockReading[];
}

async function examineAccounts(
  config: Config | undefined,
  options: ExaminationOptions,
): Promise<AccountExaminations> {
  if (config === undefined || config.accounts.length === 0) return { checks: [], clocks: [] };
  const { machine, limitMs, ca } = options;
  const providers = options.openProviders(config);
  const ends = await checkSetupTokens(config, providers, machine.now());
  if (options.offline) return { checks: ends, clocks: [] };
  const resolve = rememberLookups(options.lookup);
  const examinations = await Promise.all(
    config.accounts.map(async (account) => {
      let clock: ClockReading | undefined;
      // The steps have limits; what they do not bound is the wait for another process that refreshes the same login.
      const checks = await bounded({
        findings: findingsOnAccount(account),
        limitMs: limitMs * maxSteps,
        work: async () => {
          const examination = await checkAccount(account, {
            dispatcher: providers.dispatcherFor(account),
            logins: providers.logins,
            environmentProxy: config.environmentProxy,
            providerUrls: config.upstream.providerUrls,
            lookup: resolve,
            limitMs,
            ca,
            now: machine.now,
          });
          clock = examination.clock;
          return [examination.check];
        },
      });
      return { checks, clock };
    }),
  );
  return {
    checks: [...examinations.flatMap(({ checks }) => checks), ...ends],
    clocks: examinations.flatMap(({ clock }) => clock ?? []),
  };
}

async function checkSetupTokens(
  { accounts }: Config,
  { logins }: ProviderAccess,
  now: number,
): Promise<Check[]> {
  const checks = await Promise.all(
    accounts
      .filter(({ enabled, credential }) => enabled && credential === "setup-token")
      .map(async (account) => checkSetupToken(account, await logins.setupTokenEnd(account), now) ?? []),
  );
  return checks.flat();
}

/** DNS, TCP, TLS, a token, a request, another token, another request. */
const maxSteps = 7;

/** Accounts share hosts, and few lookups can be under way at once. */
function rememberLookups(lookup: ExaminationOptions["lookup"]): ExaminationOptions["lookup"] {
  const lookups = new Map<string, Promise<readonly string[]>>();
  return (host) => {
    let found = lookups.get(host);
    if (found === undefined) {
      found = lookup(host);
      lookups.set(host, found);
    }
    return found;
  };
}

function surroundingsOf(
  { config }: Configuration,
  claim: Claim,
  { environment, machine, programs, probe }: ExaminationOptions,
): Surroundings {
  const { env, cwd } = environment;
  return {
    env,
    cwd,
    home: machine.home,
    shell: machine.shell,
    programs,
    probe,
    relay: config && relayFacts(config, claim, probe),
  };
}

function relayFacts(config: Config, claim: Claim, probe: RelayProbe): RelayFacts | undefined {
  const running = claim.kind === "read" && claim.running ? claim.info : undefined;
  const address = running ?? config.server;
  // The system chooses it when the relay starts.
  if (address.port === 0) return undefined;
  return {
    origin: probe.originOf(address),
    keys: config.apiKeys,
    families: new Set(config.accounts.map(({ family }) => family)),
    ownLogins: new Set(
      config.accounts.flatMap(({ enabled, credential, family }) =>
        enabled && credential === "client" ? [family] : [],
      ),
    ),
    webSocket: config.upstream.websocket,
  };
}

/** Addresses and the providers' texts can hold one. */
function withoutSecrets(check: Check): Check {
  return {
    ...check,
    detail: redact(check.detail),
    fix: check.fix && mapFix(check.fix, redact),
  };
}
