// Codex: how it is started with a provider of its own or with the built-in one, the model it talks to, and what of its output must not
// depend on the relay.

import { objectField, type RecordedRequest } from "../support/behaviour.ts";
import { type ProgramResult, runProgram } from "./program.ts";
import type { RelayProcess } from "./relay-process.ts";
import { firstKey, type Stage } from "./stage.ts";
import { type Model, say, type Turn, think } from "./task.ts";

export const codexModel: Model = (request) =>
  say(think(readTurns(request)), request, (step) => {
    const command = step.kind === "command" ? step.command : step.task;
    // Older models are given a function for the shell, newer ones one custom tool that runs JavaScript.
    return hasFunction(request, "exec_command")
      ? { name: "exec_command", input: { cmd: command } }
      : {
          name: "exec",
          input: `text(JSON.stringify(await tools.exec_command(${JSON.stringify({ cmd: command })})));`,
        };
  });

export interface CodexRun {
  /** `codex exec ARGS`. */
  args: readonly string[];
  /** Flags before the others. */
  flags?: readonly string[];
  env?: Record<string, string>;
  timeoutMs?: number;
}

/** `codex exec` with its events as JSON lines and without a sandbox, which not every machine can have. */
export async function runCodex(
  stage: Stage,
  { args, flags = [], env, timeoutMs }: CodexRun,
): Promise<ProgramResult> {
  const { sandbox } = stage;
  return runProgram({
    file: "codex",
    args: executing(flags, args),
    env: { ...sandbox.env, ...env },
    cwd: sandbox.workspace,
    timeoutMs,
  });
}

export function executing(flags: readonly string[], args: readonly string[]): string[] {
  const always = ["--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"];
  return ["exec", ...flags, ...always, ...args];
}

/** As `codex login` leaves it, for a person of nowhere. */
export function chatgptLogin(): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const expiry = Math.floor(Date.now() / 1000) + 86_400;
  const claims = {
    exp: expiry,
    iat: expiry - 90_000,
    email: "person@example.com",
    "https://api.openai.com/auth": {
      chatgpt_account_id: "account-of-a-person",
      chatgpt_plan_type: "plus",
      chatgpt_user_id: "user-of-a-person",
    },
  };
  const token = `${part({ alg: "none" })}.${part(claims)}.${part("signature")}`;
  return JSON.stringify({
    auth_mode: "chatgpt",
    OPENAI_API_KEY: null,
    tokens: {
      id_token: token,
      access_token: token,
      refresh_token: "refresh-token-of-a-person",
      account_id: "account-of-a-person",
    },
    last_refresh: new Date().toISOString(),
  });
}

/** Writes the provider into Codex's configuration, as `cc-relay env codex` says, and returns the variables. */
export async function setUpProvider({ relay, sandbox, upstream }: Stage): Promise<Record<string, string>> {
  if (relay) {
    await sandbox.write("home", ".codex/config.toml", await providerBlock(relay));
    return relay.env("codex");
  }
  const provider = `name = "direct"\nbase_url = "${upstream.url}/v1"\nwire_api = "responses"\nenv_key = "DIRECT_KEY"\n`;
  const config = `model_provider = "direct"\n\n[model_providers.direct]\n${provider}`;
  await sandbox.write("home", ".codex/config.toml", config);
  return { DIRECT_KEY: firstKey };
}

/** The commented lines of `cc-relay env codex`, from the first that is TOML. */
export async function providerBlock(relay: RelayProcess, ...flags: string[]): Promise<string> {
  const comments = (await relay.envText("codex", ...flags))
    .split("\n")
    .filter((line) => line.startsWith("#"))
    .map((line) => line.replace(/^# ?/, ""));
  const start = comments.findIndex((line) => line.startsWith("model_provider"));
  if (start < 0) throw new Error(`cc-relay env codex prints no provider: ${comments.join("\n")}`);
  return comments.slice(start).join("\n");
}

interface Line {
  type: string;
  thread_id?: string;
  message?: string;
  error?: { message: string };
  item?: { type: string; text?: string; command?: string; aggregated_output?: string; message?: string };
}

export interface CodexTranscript {
  exitCode: number | null;
  lines: string[];
}

/** What was said, run and returned, in order, without ids, times and figures. */
export function readTranscript({ code, stdout }: ProgramResult): CodexTranscript {
  const lines = readLines(stdout).flatMap(({ type, item, error, message }): string[] => {
    if (error || message !== undefined) return [`${type}: ${error?.message ?? message}`];
    if (type !== "item.completed" || !item) return [];
    if (item.type === "command_execution") return [`runs ${item.command}: ${item.aggregated_output}`];
    return [`${item.type}: ${item.text ?? item.message ?? ""}`];
  });
  return { exitCode: code, lines };
}

export function threadOf({ stdout }: ProgramResult): string {
  return readLines(stdout).find(({ type }) => type === "thread.started")?.thread_id ?? "none";
}

function readLines(stdout: string): Line[] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
}

interface Item {
  type?: string;
  role?: string;
  content?: string | { text?: string }[];
  output?: unknown;
  tools?: Tool[];
}

interface Tool {
  name?: string;
  type?: string;
}

/** Tools of their own, not those of a namespace: only the newer models have these. */
function hasFunction(request: RecordedRequest, name: string): boolean {
  const tools = objectField(request.json, "tools") as Tool[] | undefined;
  return (tools ?? []).some((tool) => tool.name === name);
}

function readTurns(request: RecordedRequest): Turn[] {
  const { input = [] } = (request.json ?? {}) as { input?: Item[] };
  return input.flatMap((item): Turn[] => {
    if (/_call_output$/.test(item.type ?? "")) return [{ kind: "result", text: JSON.stringify(item.output) }];
    if (item.role !== "user") return [];
    const content = typeof item.content === "string" ? [{ text: item.content }] : (item.content ?? []);
    return content.map(({ text = "" }) => ({ kind: "prompt", text }));
  });
}
