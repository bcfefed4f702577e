// `cc-relay env`: the lines that point a shell's client programs at the relay.

import { Argument, Command, Option } from "commander";
import { readSettingsVariables, undoneVariables } from "../clients/claude-code.ts";
import { type ClientAccess, keyHeader } from "../clients/client.ts";
import { codexSettings } from "../clients/codex.ts";
import { exceptFromProxy, proxyInTheWay } from "../clients/proxy-variables.ts";
import {
  type Client,
  clientInfo,
  clients,
  findConflicts,
  findReplacing,
  variableNames,
  variablesFor,
} from "../clients/variables.ts";
import { fixText, UserError } from "../domain/errors.ts";
import {
  guessShell,
  type Shell,
  type ShellSyntax,
  shellSyntax,
  shells,
  shellWord,
} from "../terminal/shells.ts";
import { sign } from "../terminal/style.ts";
import { readAccess } from "./client-access.ts";
import type { CommandContext } from "./context.ts";
import { commandHere } from "./invocation.ts";

export interface EnvOptions {
  /** Undefined: all of them. */
  client: Client | undefined;
  /** Undefined: the one this process was probably started from. */
  shell: Shell | undefined;
  unset: boolean;
  /** Name of one of `api_keys`; undefined: the first. */
  keyName: string | undefined;
  /** The clients keep their own logins. */
  ownLogin: boolean;
  /** Whether Codex may ask for a WebSocket; where the relay offers none it answers 426. */
  webSocket: boolean;
}

interface EnvFlags {
  shell?: Shell;
  unset?: boolean;
  key?: string;
  ownLogin?: boolean;
  websocket: boolean;
}

export function envCommand(context: CommandContext, run = runEnv): Command {
  return new Command("env")
    .description("print the lines that point this shell's clients at the relay")
    .addArgument(new Argument("[client]", "the client; all of them when left out").choices(clients))
    .addOption(new Option("--shell <shell>", "write for this shell; guessed when left out").choices(shells))
    .option("--unset", "print the lines that undo it")
    .option("--key <name>", "use this one of api_keys instead of the first")
    .option("--own-login", "keep the client's own login, for an account of type client")
    .option("--no-websocket", "let Codex use HTTP alone")
    .addHelpText(
      "after",
      `
Examples:
  $ eval "$(cc-relay env claude)"
  $ cc-relay env gemini --shell fish | source
  $ eval "$(cc-relay env --unset)"`,
    )
    .action((client: Client | undefined, flags: EnvFlags) => {
      const { shell, unset = false, key: keyName, ownLogin = false, websocket: webSocket } = flags;
      return run(context, { client, shell, unset, keyName, ownLogin, webSocket });
    });
}

export async function runEnv(context: CommandContext, options: EnvOptions): Promise<void> {
  const shell = options.shell ?? guessShell(context.env, context.platform);
  const syntax = shellSyntax[shell];
  const chosen = options.client ? [options.client] : clients;
  const lines = options.unset
    ? chosen.flatMap((client) => variableNames(client, options).map(syntax.unset))
    : await setLines(context, chosen, { ...options, shell });
  context.out.stdout.write(lines.map((line) => `${line}\n`).join(""));
  if (context.out.stdout.isTerminal) {
    const command = commandLine(context, options, shell);
    context.out.stderr.write(`  - to run these lines in this shell: ${syntax.evaluate(command)}\n`);
  }
}

function commandLine(
  context: CommandContext,
  { client, unset, keyName, ownLogin, webSocket }: EnvOptions,
  shell: Shell,
): string {
  const words = [
    "cc-relay env",
    ...(client === undefined ? [] : [client]),
    ...(unset ? ["--unset"] : []),
    ...(ownLogin ? ["--own-login"] : []),
    ...(keyName === undefined ? [] : [`--key ${shellWord(keyName)}`]),
    ...(webSocket ? [] : ["--no-websocket"]),
    `--shell ${shell}`,
  ];
  return commandHere(words.join(" "), context);
}

async function setLines(
  context: CommandContext,
  chosen: readonly Client[],
  {
    shell,
    keyName,
    ownLogin,
    webSocket,
  }: Pick<EnvOptions, "keyName" | "ownLogin" | "webSocket"> & { shell: Shell },
): Promise<string[]> {
  const lines: string[] = [];
  const comments: string[] = [];
  const syntax = shellSyntax[shell];
  const accessOf = await readAccess(context, { keyName, ownLogin });
  for (const client of chosen) {
    const access = accessOf(client);
    const { set } = variablesFor(client, access, context.env);
    for (const [name, value] of Object.entries(set)) lines.push(assign(shell, name, value));
    if (client === "codex")
      comments.push(...codexComment({ ...access, webSocket: access.webSocket && webSocket }));
    warn(context, client, { access, syntax });
    if (client === "claude") await warnOfSettings(context, access);
  }
  // Last: a shell that does not take comments here has done everything else by then.
  return [...lines, ...comments.map(syntax.comment)];
}

function assign(shell: Shell, name: string, value: string): string {
  const line = shellSyntax[shell].set(name, value);
  if (line !== undefined) return line;
  throw new UserError(`${name} cannot be set in ${shell}: the key holds a character that it cannot quote`, {
    fix: "use PowerShell (--shell powershell), or a key of letters, digits, - and _",
  });
}

function codexComment(access: ClientAccess): string[] {
  const { top, provider } = codexSettings(access);
  const written = (settings: [string, string][]) => settings.map(([name, value]) => `${name} = ${value}`);
  return [
    "Codex reads its provider from ~/.codex/config.toml:",
    "",
    ...written(top),
    ...(provider ? ["", "[model_providers.ccrelay]", ...written(provider)] : []),
  ];
}

/** Claude Code puts what its own settings say over the lines. */
async function warnOfSettings(context: CommandContext, access: ClientAccess): Promise<void> {
  const { out, env, cwd } = context;
  const settings = await readSettingsVariables(env, cwd);
  const names = Object.keys(undoneVariables(variablesFor("claude", access, env), settings));
  if (names.length === 0) return;
  out.stderr.write(
    `${sign("warn", out.stderr)} ${clientInfo.claude.title}'s settings set ${names.join(", ")} over these lines\n` +
      `  - change "env" there, or run: ${commandHere("cc-relay run claude", context)}\n`,
  );
}

/** What would keep the lines from working, on standard error: standard output is evaluated. */
function warn(
  context: CommandContext,
  client: Client,
  { access, syntax }: { access: ClientAccess; syntax: ShellSyntax },
): void {
  const { out, env } = context;
  const notice = (text: string, fix: string) => {
    out.stderr.write(`${sign("warn", out.stderr)} ${text}\n  - ${fix}\n`);
  };
  const { title, urlVariable, ownLogin } = clientInfo[client];
  if (access.ownLogin) {
    for (const name of findReplacing(client, env))
      notice(
        `${name} is set: ${title} uses it instead of its login`,
        `to remove it from this shell, run: ${syntax.unset(name)}`,
      );
    if (ownLogin.key === undefined && access.key !== undefined)
      notice(
        `${title} take the relay's key in a header only`,
        `set the default header ${keyHeader} in the program`,
      );
  } else if (access.key === undefined) {
    out.stderr.write(
      `${sign("warn", out.stderr)} ${title}: no account and no key is configured, so requests go on with ${client === "openai" ? "the SDK's" : "its"} own credential\n`,
    );
  }
  for (const { name, effect } of access.key === undefined || access.ownLogin
    ? []
    : findConflicts(client, env)) {
    notice(`${name} is set: it ${effect}`, `to remove it from this shell, run: ${syntax.unset(name)}`);
  }
  const proxy = proxyInTheWay(access.host, env);
  if (proxy !== undefined) {
    notice(
      `${proxy} is set and NO_PROXY does not name ${access.host}: ${title} would send ${client === "openai" ? "their" : "its"} requests to the proxy`,
      fixText(exceptFromProxy([access.host], env, syntax)),
    );
  }
  if (client === "gemini" && urlVariable !== undefined && !access.ownLogin) {
    notice(
      'Gemini CLI also needs {"security":{"auth":{"selectedType":"gemini-api-key"}}} in ~/.gemini/settings.json',
      `to do without, run: ${commandHere("cc-relay run gemini", context)}`,
    );
  }
}
