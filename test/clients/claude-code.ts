// Claude Code: how it is started, the model it talks to, and what of its output must not depend on the relay.

import type { RecordedRequest } from "../support/behaviour.ts";
import { type ProgramResult, runProgram } from "./program.ts";
import { firstKey, type Stage } from "./stage.ts";
import { type Model, say, type Turn, think } from "./task.ts";

export const claudeModel: Model = (request) => {
  const names = toolNames(request);
  return say(think(readTurns(request)), request, (step) =>
    step.kind === "command"
      ? { name: "Bash", input: { command: step.command, description: "look" } }
      : {
          name: names.find((name) => name === "Agent" || name === "Task") ?? "Agent",
          input: {
            description: "look",
            prompt: step.task,
            subagent_type: "general-purpose",
            run_in_background: false,
          },
        },
  );
};

export interface ClaudeRun {
  args: readonly string[];
  input?: string;
  env?: Record<string, string>;
  timeoutMs?: number;
}

/** The environment that leads to the relay, or without one straight to the provider. */
export async function claudeEnvironment({ relay, upstream }: Stage): Promise<Record<string, string>> {
  if (relay) return relay.env("claude");
  return { ANTHROPIC_BASE_URL: upstream.url, ANTHROPIC_AUTH_TOKEN: firstKey };
}

/** `claude -p` with its events as JSON lines; the shell commands of the scripted model need no approval. */
export async function runClaude(stage: Stage, run: ClaudeRun): Promise<ProgramResult> {
  return runProgram({
    file: "claude",
    args: printing(run.args),
    env: { ...stage.sandbox.env, ...(await claudeEnvironment(stage)), ...run.env },
    cwd: stage.sandbox.workspace,
    input: run.input,
    timeoutMs: run.timeoutMs,
  });
}

export function printing(args: readonly string[]): string[] {
  return ["-p", ...args, "--output-format", "stream-json", "--verbose", "--allowedTools", "Bash(printf:*)"];
}

interface Block {
  type: string;
  text?: string;
  name?: string;
  input?: unknown;
  content?: unknown;
}

interface Line {
  type: string;
  subtype?: string;
  message?: { content: string | Block[] };
  result?: string;
  session_id?: string;
  is_error?: boolean;
}

export interface ClaudeTranscript {
  exitCode: number | null;
  /** What was said, called and returned, in order, without ids, times and figures. */
  lines: string[];
}

export function readTranscript({ code, stdout, stderr }: ProgramResult): ClaudeTranscript {
  const lines = readLines(stdout).flatMap((line): string[] => {
    if (line.type === "result") return [`result ${line.subtype} ${line.is_error}: ${line.result}`];
    if (line.type !== "assistant" && line.type !== "user") return [];
    const content = line.message?.content ?? [];
    if (typeof content === "string") return [`${line.type}: ${content}`];
    return content.map((block) => `${line.type}: ${describeBlock(block)}`);
  });
  return { exitCode: code, lines: stderr.trim() === "" ? lines : [...lines, `stderr: ${stderr.trim()}`] };
}

/** The session's id as the client reports it. */
export function sessionOf({ stdout }: ProgramResult): string {
  return readLines(stdout).find(({ type }) => type === "result")?.session_id ?? "none";
}

/** The kinds of all lines, for example `system/api_retry`. */
export function lineKinds({ stdout }: ProgramResult): string[] {
  return readLines(stdout).map(({ type, subtype }) => (subtype === undefined ? type : `${type}/${subtype}`));
}

function readLines(stdout: string): Line[] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
}

function describeBlock(block: Block): string {
  switch (block.type) {
    case "text":
      return block.text ?? "";
    case "tool_use":
      return `calls ${block.name} ${JSON.stringify(block.input)}`;
    case "tool_result":
      // A sub-agent's report names the agent and how long it took.
      return `returns ${textOf(block.content).replaceAll(/a[0-9a-f]{16}|duration_ms: \d+/g, "…")}`;
    default:
      return block.type;
  }
}

/** The session header, which the relay goes by. */
export function sessionHeader(request: RecordedRequest): string {
  return String(request.headers["x-claude-code-session-id"]);
}

function toolNames(request: RecordedRequest): string[] {
  const { tools = [] } = (request.json ?? {}) as { tools?: { name: string }[] };
  return tools.map(({ name }) => name);
}

function readTurns(request: RecordedRequest): Turn[] {
  const { messages = [] } = (request.json ?? {}) as {
    messages?: { role: string; content: string | Block[] }[];
  };
  return messages
    .filter(({ role }) => role === "user")
    .flatMap(({ content }): Turn[] => {
      if (typeof content === "string") return [{ kind: "prompt", text: content }];
      return content.map((block) =>
        block.type === "tool_result"
          ? { kind: "result", text: textOf(block.content) }
          : { kind: "prompt", text: block.text ?? "" },
      );
    });
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((block: Block) => block.text ?? block.type).join("\n");
}
