// `cc-relay run`: one run of a client program against the relay, with none of its files changed.

import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Argument, Command } from "commander";
import { createClaudeSettings, readSettingsVariables, undoneVariables } from "../clients/claude-code.ts";
import type { ClientAccess } from "../clients/client.ts";
import { codexSettings } from "../clients/codex.ts";
import { createGeminiHome, geminiAuthType, readAuthType } from "../clients/gemini-cli.ts";
import { findProgram } from "../clients/program.ts";
import { proxyInTheWay, withoutProxy } from "../clients/proxy-variables.ts";
import { type ProgramEnd, type ProgramStart, startProgram } from "../clients/start-program.ts";
import { type Client, clientInfo, variablesFor } from "../clients/variables.ts";
import { toRun, UserError } from "../domain/errors.ts";
import { changedEnvironment, type Environment, type EnvironmentChange } from "../terminal/environment.ts";
import { sign } from "../terminal/style.ts";
import { readAccess } from "./client-access.ts";
import type { CommandContext } from "./context.ts";
import { requireRelay } from "./relay-address.ts";

const runnable = ["claude", "gemini", "codex"] as const;
type Runnable = (typeof runnable)[number];

export interface RunOptions {
  client: Runnable;
  /** What the client gets, as it was typed. */
  args: readonly string[];
  /** Name of one of `api_keys`; undefined: the first. */
  keyName: string | undefined;
  /** The client keeps its own login. */
  ownLogin: boolean;
  /** Whether Codex may ask for a WebSocket; where the relay offers none it answers 426. */
  webSocket: boolean;
}

/** What gets a missing client. */
const installation: Readonly<Record<Runnable, string>> = {
  claude: "npm install -g @anthropic-ai/claude-code",
  gemini: "npm install -g @google/gemini-cli",
  codex: "npm install -g @openai/codex",
};

export function runCommand(context: CommandContext, run = runClient): Command {
  return new Command("run")
    .description("start a client against the relay for one run, changing none of its files")
    .addArgument(new Argument("<client>", "the client").choices(runnable))
    .argument("[args...]", "its arguments, after --")
    .option("--key <name>", "use this one of api_keys instead of the first")
    .option("--own-login", "keep the client's own login, for an account of type client")
    .option("--no-websocket", "let Codex use HTTP alone")
    .passThroughOptions()
    .addHelpText(
      "after",
      `
Examples:
  $ cc-relay run claude
  $ cc-relay run codex -- exec "Say hi"`,
    )
    .action((client: Runnable, words: string[], flags: RunFlags) => {
      const { key = flags.key, config = context.configFile, args, ...more } = splitWords(words);
      context.configFile = config;
      const ownLogin = flags.ownLogin ?? more["own-login"] ?? false;
      const webSocket = flags.websocket && more["no-websocket"] !== true;
      return run(context, { client, args, keyName: key, ownLogin, webSocket });
    });
}

interface RunFlags {
  key?: string;
  ownLogin?: boolean;
  websocket: boolean;
}

interface OwnWords {
  key?: string;
  config?: string;
  "own-login"?: boolean;
  "no-websocket"?: boolean;
}

/** Our own flags may come directly after the client's name too, with or without `--` behind them. What follows is the client's. */
function splitWords(words: string[]): OwnWords & { args: string[] } {
  const end = countOwnWords(words, ["key", "config"]);
  const isEnded = words[end] === "--";
  // Codex has a --config of its own: without `--` it is the client's.
  const count = isEnded ? end : countOwnWords(words, ["key"]);
  const { values } = parseArgs({
    args: words.slice(0, count),
    options: {
      key: { type: "string" },
      config: { type: "string" },
      "own-login": { type: "boolean" },
      "no-websocket": { type: "boolean" },
    },
  });
  return { ...values, args: words.slice(isEnded ? count + 1 : count) };
}

/** How many of the first words are our own flags and their values. */
function countOwnWords(words: readonly string[], withValue: readonly string[]): number {
  let count = 0;
  for (;;) {
    const word = words[count] ?? "";
    const value = words[count + 1];
    if (word === "--own-login" || word === "--no-websocket") count += 1;
    else if (withValue.some((name) => word.startsWith(`--${name}=`))) count += 1;
    else if (withValue.some((name) => word === `--${name}`) && value !== undefined && !value.startsWith("-"))
      count += 2;
    else return count;
  }
}

export async function runClient(
  context: CommandContext,
  { client, args, keyName, ownLogin, webSocket }: RunOptions,
  start: (program: ProgramStart) => Promise<ProgramEnd> = startProgram,
): Promise<void> {
  const file = await findProgram(client, context);
  if (file === undefined) {
    throw new UserError(`${clientInfo[client].title} is not installed: there is no ${client} in PATH`, {
      fix: toRun("install it", installation[client]),
    });
  }
  const found = (await readAccess(context, { keyName, ownLogin }))(client);
  const access = { ...found, webSocket: found.webSocket && webSocket };
  await requireRelay(access.origin);
  const setup = await setups[client](context, access, args);
  try {
    const end = await start({
      file,
      args: [...setup.args, ...args],
      env: changedEnvironment(context.env, setup, context.platform),
      cwd: context.cwd,
      platform: context.platform,
    });
    if (end.signal) context.exitSignal = end.signal;
    else context.exitCode = end.code;
  } finally {
    await setup.cleanUp();
  }
}

interface ClientSetup extends EnvironmentChange {
  /** Put before the client's own arguments. */
  args: readonly string[];
  /** Undoes what was made for the run. */
  cleanUp(): Promise<void>;
}

type SetUp = (context: CommandContext, access: ClientAccess, args: readonly string[]) => Promise<ClientSetup>;

const setups: Readonly<Record<Runnable, SetUp>> = {
  claude: setUpClaude,
  gemini: setUpGemini,
  codex: async ({ env }, access) => ({
    ...environmentFor("codex", env, access),
    args: codexFlags(access),
    cleanUp: nothing,
  }),
};

async function nothing(): Promise<void> {}

/** Points the client at the relay, past the proxy that its environment may name. */
function environmentFor(client: Client, env: Environment, access: ClientAccess): EnvironmentChange {
  const { set, remove } = variablesFor(client, access, env);
  // Proxies stay: the client has other things to fetch.
  const exception = proxyInTheWay(access.host, env) === undefined ? {} : withoutProxy(access.host, env);
  return { set: { ...set, ...exception }, remove };
}

async function setUpClaude(
  { env, cwd, out }: CommandContext,
  access: ClientAccess,
  args: readonly string[],
): Promise<ClientSetup> {
  const own = await readSettingsVariables(env, cwd);
  const change = environmentFor("claude", { ...env, ...own }, access);
  const undone = undoneVariables(change, own);
  const names = Object.keys(undone);
  if (names.length === 0) return { ...change, args: [], cleanUp: nothing };
  if (args.some((arg) => /^--settings(=|$)/.test(arg))) {
    out.stderr.write(
      `${sign("warn", out.stderr)} Claude Code's settings set ${names.join(", ")}: it may pass the relay by\n` +
        "  - to have that overruled for this run, leave --settings out\n",
    );
  }
  const settings = await createClaudeSettings(undone);
  return { ...change, args: settings.args, cleanUp: settings.remove };
}

async function setUpGemini(context: CommandContext, access: ClientAccess): Promise<ClientSetup> {
  const change = environmentFor("gemini", context.env, access);
  if (access.ownLogin) return { ...change, args: [], cleanUp: nothing };
  const home = await createGeminiHome(context.env.GEMINI_CLI_HOME || homedir(), context.platform);
  await warnOfWorkspace(context);
  return {
    set: { ...change.set, ...(home.folder === undefined ? {} : { GEMINI_CLI_HOME: home.folder }) },
    remove: change.remove,
    args: [],
    cleanUp: home.remove,
  };
}

/** A folder's own settings rank above the user's, and cannot be overruled for one run. */
async function warnOfWorkspace({ cwd, out }: CommandContext): Promise<void> {
  const file = join(cwd, ".gemini", "settings.json");
  const chosen = await readAuthType(file);
  if (chosen === undefined || chosen === geminiAuthType) return;
  out.stderr.write(
    `${sign("warn", out.stderr)} ${file} chooses the authentication "${chosen}": Gemini CLI will pass the relay by\n` +
      `  - write "${geminiAuthType}" there instead, or start it in another folder\n`,
  );
}

/** Codex takes its provider from its configuration or from flags only; the key itself stays in the environment. */
function codexFlags(access: ClientAccess): string[] {
  const { top, provider } = codexSettings(access);
  const written = (settings: [string, string][]) => settings.map(([name, value]) => `${name}=${value}`);
  const table = provider && `model_providers.ccrelay={${written(provider).join(",")}}`;
  return [...written(top), ...(table === undefined ? [] : [table])].flatMap((setting) => ["-c", setting]);
}
