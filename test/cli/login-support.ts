// `cc-relay login` in surroundings that are made up: a folder of its own, a scripted authorization server, and somebody who answers.

import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import type { CommandContext } from "../../src/cli/context.ts";
import { loginCommand, runLogin } from "../../src/cli/login.ts";
import { reportError, UsageError } from "../../src/cli/report.ts";
import type { Environment } from "../../src/config/environment.ts";
import { UserError } from "../../src/domain/errors.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { fakeEnvironment } from "../config/support.ts";
import type { AuthorizationServer } from "../support/authorization-server.ts";
import { until } from "../support/until.ts";
import { type FakeContextOptions, fakeContext } from "./support.ts";

/** An answer of the person: a text, yes or no, a choice; Ctrl-C; or nothing until the question is taken back. */
export type Answer =
  | string
  | boolean
  | typeof cancelled
  | typeof waiting
  | ((seen: string) => Promise<string>);
export const cancelled = Symbol("Ctrl-C");
export const waiting = Symbol("no answer");

export interface LoginCall extends Pick<FakeContextOptions, "screen" | "env" | "platform" | "daemon"> {
  /** Somebody sits at the terminal; nobody does when undefined. */
  answers?: Answer[];
  /** What is piped in, piece by piece. A function gets what standard error has shown by then. */
  stdin?: (string | ((seen: string) => Promise<string>))[];
  /** Standard input is a terminal all the same: standard output is not. */
  isTyped?: boolean;
  /** What the browser does when it is opened. */
  browser?: (url: string) => Promise<void>;
  limitMs?: number;
  /** The present, epoch ms. */
  at?: number;
  /** `--config FILE` */
  configFile?: string;
  /** Sends a signal to this process as soon as standard error shows the text. */
  signalAt?: [text: RegExp, signal: NodeJS.Signals];
}

export interface LoginCallResult {
  stdout: string;
  stderr: string;
  code: number;
  /** What the process dies of. */
  signal: NodeJS.Signals | undefined;
  questions: string[];
  opened: string[];
}

export interface LoginPlace {
  readonly folder: string;
  /** Where a file is looked for first. */
  readonly configFile: string;
  /** Where a new one is made. */
  readonly newFile: string;
  /** Of the new file. */
  readonly newDatabase: string;
  readonly environment: Environment;
  text(file?: string): string;
  login(line: string, call?: LoginCall): Promise<LoginCallResult>;
  /** Looks into a database, or puts something there. */
  store<T>(path: string, work: (store: Store) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Standard output and standard error are a terminal. */
export const terminal = { screen: { isTerminal: true } };

/** The present, where a call names no other. */
export const now = Date.UTC(2026, 10, 22, 12);

/** @param toml of `config.toml` in the folder; there is none when undefined. */
export async function createLoginPlace(toml?: string): Promise<LoginPlace> {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-login-"));
  const configFile = join(folder, "config.toml");
  if (toml !== undefined) await writeFile(configFile, toml);
  const environment = fakeEnvironment({
    cwd: folder,
    configFolder: join(folder, "etc", "cc-relay"),
    dataFolder: join(folder, "var"),
  });
  return {
    folder,
    configFile,
    newFile: join(folder, "etc", "cc-relay", "config.toml"),
    newDatabase: join(folder, "var", "relay.db"),
    environment,
    text: (file = configFile) => (existsSync(file) ? readFileSync(file, "utf8") : ""),
    login: (line, call = {}) => run({ environment, folder }, line, call),
    async store(path, work) {
      const store = await openSqliteStore(path);
      try {
        return await work(store);
      } finally {
        await store.close();
      }
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function run(
  { environment, folder }: { environment: Environment; folder: string },
  line: string,
  call: LoginCall,
): Promise<LoginCallResult> {
  const argv = line.trim().split(" ");
  const { screen, env, platform, daemon, browser = async () => {} } = call;
  const context = fakeContext({ screen, cwd: folder, env, platform, daemon });
  const seen = () => context.out.stderr.text();
  const questions: string[] = [];
  const opened: string[] = [];
  Object.assign(context, {
    clock: () => call.at ?? now,
    configFile: call.configFile,
    stdin: () => pipe(call, seen),
    prompts: createAnswers(call.answers, { questions, seen }),
  } satisfies Partial<CommandContext>);
  const deps = {
    environment: () => environment,
    openBrowser: async (url: string) => {
      opened.push(url);
      await browser(url);
    },
    // A login that nobody finishes is a failed test, not one that lasts ten minutes.
    limitMs: call.limitMs ?? 10_000,
  };
  const command = loginCommand(context, (given, options) => runLogin(given, options, deps));
  new Command("cc-relay").addCommand(command);
  command
    .exitOverride((error) => {
      throw new UsageError(error, command);
    })
    .configureOutput({ outputError() {}, writeErr() {} });
  const signalled = call.signalAt && signalWhen(call.signalAt, seen);
  try {
    await command.parseAsync(argv, { from: "user" });
  } catch (error) {
    context.exitCode = reportError(error, context);
  }
  await signalled;
  const { stdout, stderr } = context.out;
  return {
    stdout: stdout.text(),
    stderr: stderr.text(),
    code: context.exitCode,
    signal: context.exitSignal,
    questions,
    opened,
  };
}

function pipe({ stdin = [], isTyped }: LoginCall, seen: () => string): AsyncIterable<string> {
  async function* pieces() {
    for (const piece of stdin) yield typeof piece === "string" ? piece : await piece(seen());
  }
  return Object.assign(pieces(), { isTTY: isTyped });
}

/** Answers in the order of the questions. A question too many fails, and so does an answer of the wrong kind. */
function createAnswers(
  given: readonly Answer[] | undefined,
  { questions, seen }: { questions: string[]; seen: () => string },
): CommandContext["prompts"] {
  const answers = [...(given ?? [])];
  async function answer(question: string, signal?: AbortSignal): Promise<string | boolean> {
    questions.push(question);
    if (given === undefined || answers.length === 0) throw new Error(`nobody answers: ${question}`);
    const next = answers.shift()!;
    if (next === cancelled) throw new UserError("cancelled", { exitCode: 2 });
    if (next === waiting) {
      await new Promise((resolve) => signal!.addEventListener("abort", resolve));
      throw new UserError("cancelled", { exitCode: 2 });
    }
    return typeof next === "function" ? await next(seen()) : next;
  }
  async function ask<Value>(kind: "string" | "boolean", question: string, signal?: AbortSignal) {
    const value = await answer(question, signal);
    if (typeof value !== kind) throw new Error(`${question} was answered with a ${typeof value}`);
    return value as Value;
  }
  async function askUntilValid(
    question: string,
    validate: ((text: string) => string | undefined) | undefined,
    signal?: AbortSignal,
  ): Promise<string> {
    for (let asked = question; ; ) {
      const text = await ask<string>("string", asked, signal);
      const problem = validate?.(text);
      if (problem === undefined) return text;
      asked = `! ${problem}`;
    }
  }
  return {
    available: given !== undefined,
    confirm: ({ message }) => ask<boolean>("boolean", message),
    secret: ({ message, validate }) => askUntilValid(message, validate),
    text: ({ message, validate, signal }) => askUntilValid(message, validate, signal),
    async select({ message, options }) {
      const label = await ask<string>(
        "string",
        `${message} ${options.map((each) => each.label).join(" | ")}`,
      );
      const found = options.find((each) => each.label === label);
      if (found === undefined) throw new Error(`there is no choice ${label}`);
      return found.value;
    },
  };
}

/** Sends it once: this process lives on because the command listens for it. */
async function signalWhen([text, signal]: [RegExp, NodeJS.Signals], seen: () => string): Promise<void> {
  await until(`${text} on standard error`, () => text.test(seen()));
  process.kill(process.pid, signal);
}

/** The configuration's sections that send logins to the scripted server. */
export function oauthToml({ url }: AuthorizationServer): string {
  const section = (name: string) =>
    `[oauth.${name}]\nauthorize_url = "${url}/authorize"\ntoken_url = "${url}/token"\n`;
  return `${section("claude")}\n${section("gemini")}`;
}

/** The addresses that were shown, in their order. */
export function linksIn(text: string): string[] {
  return [...text.matchAll(/https?:\S+[?&]state=[\w-]+/g)].map(([link]) => link);
}

/** The text with its addresses replaced by what is always the same about them. */
export function withoutLinks(text: string): string {
  return text.replaceAll(/https?:\S+[?&]state=[\w-]+/g, (link) => {
    const redirect = new URL(new URL(link).searchParams.get("redirect_uri") ?? "");
    return `LINK back to ${redirect.href.replace(/:\d+\//, ":PORT/")}`;
  });
}

/** What the page of the provider shows to everybody who agrees there. */
export async function codeFrom(link: string): Promise<string> {
  return (await fetch(link)).text();
}

/** A browser that agrees and goes where it is sent. Returns the page it ends at. */
export async function agreeAt(link: string): Promise<string> {
  return (await fetch(link)).text();
}
