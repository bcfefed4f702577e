// `cc-relay login`: adds an account, or gives one that is there a new credential.

import { Argument, Command, type ErrorOptions, Option } from "commander";
import type { OAuthProvider } from "../account-kinds/oauth-provider.ts";
import { type Environment, readEnvironment } from "../config/environment.ts";
import { rehearseEdit } from "../config/write.ts";
import { UserError } from "../domain/errors.ts";
import { type Family, families } from "../domain/family.ts";
import { createDispatchers } from "../network/dispatchers.ts";
import { maskSecret } from "../text/redact.ts";
import { accountKinds } from "../upstreams/kinds.ts";
import { openBrowser } from "./browser.ts";
import type { CommandContext } from "./context.ts";
import { problemsHere } from "./invocation.ts";
import { agreeToTerms, checkSources, chooseKind, findProvider } from "./login/account-type.ts";
import { askApiKey } from "./login/api-key.ts";
import { type CompatibleLogin, chooseCompatibleHost } from "./login/compatible.ts";
import { findExtras } from "./login/extras.ts";
import { type Keeping, keepKey, keepLogin } from "./login/keep.ts";
import { logInWithOAuth } from "./login/oauth.ts";
import { extrasFlags, kindHelp, type LoginFlags, type LoginOptions, readOptions } from "./login/options.ts";
import { reportOutcome } from "./login/outcome.ts";
import { findPlace } from "./login/place.ts";
import { confirmReplacing, planAccount, writeEntry } from "./login/plan.ts";

export function loginCommand(context: CommandContext, run = runLogin): Command {
  const kindTexts = kindHelp(Object.values(accountKinds));
  const command = new LoginCommand("login")
    .description("add an account, by API key or OAuth")
    .addArgument(new Argument("<provider>", "whose account it is").choices(families))
    .option("--id <id>", "the account's id; of an account that is there, its credential is replaced")
    .option("--name <name>", "a name for people")
    .option("--priority <number>", "higher is tried first, 100 is usual")
    .option("--api-key", "an API key: asked for without echo, or the first line of standard input")
    .option("--setup-token", kindTexts.setupToken)
    .option(
      "--compatible",
      "another host that speaks the API (GLM, Kimi, OpenRouter, Ollama …): a last resort",
    )
    .option("--url <url>", "the compatible host's address, as its guide for Claude Code or Codex gives it")
    .addOption(
      new Option(
        "--auth <form>",
        "how the key is sent there, when it is not as the host usually wants it",
      ).choices(["x-api-key", "bearer", "none"]),
    )
    .option("--model <model>", "the compatible host's model that serves every request")
    .option("--small-model <model>", kindTexts.smallModel)
    .option(
      "--proxy <url>",
      "reach the provider through it, now and later: socks5://USER:PASSWORD@HOST:1080",
    );
  for (const { key, option } of extrasFlags()) command.option(`--${key} <${key}>`, option.description);
  return command
    .option("--no-browser", "open none here: the address is shown, and the code it leads to is pasted")
    .option("-y, --yes", "say yes beforehand: to the provider's terms, and to replacing a credential")
    .addHelpText("after", helpText)
    .action((provider: Family, flags: LoginFlags) => run(context, readOptions(provider, flags)));
}

const helpText = `
On a terminal it asks for what is left out. In a pipe it asks nothing:
  --api-key           reads the key from standard input, its first line
  --setup-token       the same for the token; --yes is the yes to the terms
  --compatible        needs --url and --model, and reads the key in the same way
                      where the host wants one
  --yes               logs in with OAuth: agree in the browser at the address on
                      standard error, and the answer comes back here by itself
  --yes --no-browser  the same from any other machine: the code is read from
                      standard input

Examples:
  $ cc-relay login claude
  $ cc-relay login openai --id work --priority 200 --proxy socks5://127.0.0.1:1080
  $ printf %s "$KEY" | cc-relay login gemini --api-key
  $ printf %s "$KEY" | cc-relay login claude --compatible \\
      --url https://api.z.ai/api/anthropic --model glm-5.2
  $ cc-relay login claude --id claude-max --yes --no-browser`;

export interface LoginDeps {
  environment(): Environment;
  openBrowser(url: string): Promise<void>;
  /** How long somebody has to log in; undefined: ten minutes. */
  limitMs?: number;
}

const ownDeps: LoginDeps = { environment: readEnvironment, openBrowser };

export async function runLogin(
  context: CommandContext,
  options: LoginOptions,
  deps: LoginDeps = ownDeps,
): Promise<void> {
  checkSources(context, options);
  const { configFile } = context;
  const place = await problemsHere(context, () => findPlace(configFile, deps.environment()));
  const host = await chooseCompatibleHost(context, options);
  const plan = planAccount(place, options, host?.baseId);
  const kind = await chooseKind(context, plan, options);
  await confirmReplacing(context, { plan, kind }, options);
  // A login that cannot be written down would be lost: said before it begins.
  const secret = host?.needsKey === false ? undefined : "not-known-yet";
  await rehearseEdit({ ...place, edit: writeEntry(plan, { kind, secret, settings: host?.settings }) });
  const keeping = { place, plan, kind };
  const provider = findProvider(kind, place.config.oauth);
  const credential =
    provider === undefined || options.setupToken
      ? await addKey(context, { ...keeping, host }, options)
      : await addLogin(context, { ...keeping, provider }, { options, deps });
  await reportOutcome(context, keeping, credential);
}

async function addKey(
  context: CommandContext,
  { host, ...keeping }: Keeping & { host: CompatibleLogin | undefined },
  options: LoginOptions,
): Promise<string> {
  const { plan, place, kind } = keeping;
  const provider = findProvider(kind, place.config.oauth);
  if (provider !== undefined) await agreeToTerms(context, provider, options);
  const secret =
    host?.needsKey === false
      ? undefined
      : await askApiKey(context, { plan, config: place.config, options, host });
  const key = options.setupToken ? "setup_token" : "api_key";
  await keepKey(context, keeping, { key, secret, settings: host?.settings });
  const noun = options.setupToken ? "setup token" : "key";
  const credential = secret === undefined ? "without a key" : `${noun} ${maskSecret(secret)}`;
  return host === undefined ? credential : `${credential}, ${host.summary}`;
}

async function addLogin(
  context: CommandContext,
  { provider, ...keeping }: Keeping & { provider: OAuthProvider },
  { options, deps }: { options: LoginOptions; deps: LoginDeps },
): Promise<string> {
  const { place, plan, kind } = keeping;
  await agreeToTerms(context, provider, options);
  const { upstream, environmentProxy } = place.config;
  const dispatchers = createDispatchers({ connectTimeoutMs: upstream.connectTimeoutMs, environmentProxy });
  const dispatcher = dispatchers.for(plan.id, plan.proxy);
  const { openBrowser, limitMs } = deps;
  try {
    return await interruptible(context, async (signal) => {
      const { browser, extras: given } = options;
      const request = { provider, plan, dispatcher, browser, openBrowser, limitMs, signal };
      const login = await logInWithOAuth(context, request);
      const extras = await findExtras(context, { kind, provider, plan, login, given, dispatcher, signal });
      await keepLogin(context, keeping, { login, extras: extras.found, configuredExtras: extras.configured });
      return login.owner ?? "logged in";
    });
  } finally {
    await dispatchers.close();
  }
}

/** A key that is given as an argument can be read by every program of this machine. It is refused without being repeated. */
class LoginCommand extends Command {
  override error(message: string, options?: ErrorOptions): never {
    const isExcess = options?.code === "commander.excessArguments";
    const isValue = options?.code === "commander.unknownOption" && message.includes("--api-key=");
    if (!isExcess && !isValue) super.error(message, options);
    throw new UserError("login takes one argument, the provider; a key is asked for and never given here", {
      fix: {
        instruction: "take a key out of the shell's history, and run:",
        command: "cc-relay login PROVIDER --api-key",
      },
      exitCode: 2,
    });
  }
}

const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs work that must not be killed in the middle: a signal aborts what `work` is given, and the process dies of it once work
 * has rejected. Work that comes to its end all the same has done what it was asked for.
 */
async function interruptible<T>(
  context: CommandContext,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let received: NodeJS.Signals | undefined;
  const listeners = signals.map((signal) => {
    const listener = () => {
      received ??= signal;
      controller.abort();
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  try {
    return await work(controller.signal);
  } catch (error) {
    context.exitSignal = received;
    throw error;
  } finally {
    for (const { signal, listener } of listeners) process.off(signal, listener);
  }
}
