// Gemini CLI in both of its modes: how it is started, the model it talks to, and what of its output must not depend on the relay.

import { objectField, type RecordedRequest, stringField } from "../support/behaviour.ts";
import { type ProgramResult, runProgram } from "./program.ts";
import { relayKey } from "./relay-process.ts";
import { firstKey, type Stage } from "./stage.ts";
import { type Model, say, type Turn, think } from "./task.ts";

/** `key`: an API key of the public API. `code-assist`: a Google login. */
export type GeminiMode = "key" | "code-assist";

export const geminiModel: Model = (request) => {
  const call = innerRequest(request);
  const schema = objectField(objectField(call, "generationConfig"), "responseJsonSchema");
  // Before the first prompt a small model is asked, by a schema, which model should answer it.
  if (schema) return { content: JSON.stringify(fillSchema(schema)) };
  return say(think(readTurns(call)), request, (step) => ({
    name: "run_shell_command",
    input: { command: step.kind === "command" ? step.command : step.task, description: "look" },
  }));
};

export interface GeminiRun {
  mode: GeminiMode;
  args: readonly string[];
  timeoutMs?: number;
}

/** `gemini -p` with its events as JSON lines, and every tool approved. */
export async function runGemini(stage: Stage, { mode, args, timeoutMs }: GeminiRun): Promise<ProgramResult> {
  const { sandbox } = stage;
  await sandbox.write("home", ".gemini/settings.json", JSON.stringify(settingsOf(mode)));
  return runProgram({
    file: "gemini",
    args: printing(args),
    env: { ...sandbox.env, ...trusting, ...(await geminiEnvironment(stage, mode)) },
    cwd: sandbox.workspace,
    timeoutMs,
  });
}

/** The workspace is new to it; it asks about that in a terminal, and stops without one. */
export const trusting = { GEMINI_CLI_TRUST_WORKSPACE: "true" } as const;

export function printing(args: readonly string[]): string[] {
  return ["--yolo", "--output-format", "stream-json", "-p", ...args];
}

/** What `cc-relay env gemini` says about settings.json beside its variables; the Google login has no key to be set up with. */
function settingsOf(mode: GeminiMode): unknown {
  const selectedType = mode === "key" ? "gemini-api-key" : "oauth-personal";
  return { security: { auth: { selectedType } } };
}

async function geminiEnvironment(
  { relay, upstream }: Stage,
  mode: GeminiMode,
): Promise<Record<string, string>> {
  if (mode === "code-assist") {
    return {
      GOOGLE_GENAI_USE_GCA: "true",
      GOOGLE_CLOUD_ACCESS_TOKEN: relay ? relayKey : firstKey,
      CODE_ASSIST_ENDPOINT: relay ? `${relay.url}/gemini` : upstream.url,
    };
  }
  return relay ? relay.env("gemini") : { GEMINI_API_KEY: firstKey, GOOGLE_GEMINI_BASE_URL: upstream.url };
}

interface Line {
  type: string;
  role?: string;
  content?: string;
  tool_name?: string;
  parameters?: unknown;
  status?: string;
  output?: string;
  error?: { message: string };
}

export interface GeminiTranscript {
  exitCode: number | null;
  lines: string[];
}

/** What was said, called and returned, in order, without ids, times and figures; pieces of one message are joined. */
export function readTranscript({ code, stdout, stderr }: ProgramResult): GeminiTranscript {
  const lines: string[] = [];
  let speaker = "";
  for (const line of readLines(stdout)) {
    if (line.type === "message") {
      if (line.role === speaker) lines.push(`${lines.pop()}${line.content}`);
      else lines.push(`${line.role}: ${line.content}`);
      speaker = line.role ?? "";
      continue;
    }
    speaker = "";
    const text = describeLine(line);
    if (text !== undefined) lines.push(text);
  }
  const complaints = stderr.split("\n").filter((line) => /error|attempt|fail/i.test(line));
  return { exitCode: code, lines: [...lines, ...complaints] };
}

function describeLine(line: Line): string | undefined {
  switch (line.type) {
    case "tool_use":
      return `calls ${line.tool_name} ${JSON.stringify(line.parameters)}`;
    case "tool_result":
      return `returns ${line.output}`;
    case "error":
    case "result":
      return `${line.type} ${line.status ?? ""}${line.error?.message ?? ""}`;
    default:
      return undefined;
  }
}

function readLines(stdout: string): Line[] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
}

/** The public API's request; Code Assist has it in an envelope. */
function innerRequest({ json }: RecordedRequest): unknown {
  return objectField(json, "request") ?? json;
}

interface Part {
  text?: string;
  functionResponse?: { response?: unknown };
}

function readTurns(call: unknown): Turn[] {
  const { contents = [] } = (call ?? {}) as { contents?: { role?: string; parts: Part[] }[] };
  return contents
    .filter(({ role }) => role === "user" || role === "function")
    .flatMap(({ parts }) =>
      parts.map(
        (part): Turn =>
          part.functionResponse
            ? { kind: "result", text: JSON.stringify(part.functionResponse.response) }
            : { kind: "prompt", text: part.text ?? "" },
      ),
    );
}

/** The smallest value that a schema of the router's kind allows. */
function fillSchema(schema: Record<string, unknown>): Record<string, unknown> {
  const properties = Object.entries(objectField(schema, "properties") ?? {});
  return Object.fromEntries(
    properties.map(([name, property]) => {
      const type = stringField(property, "type")?.toLowerCase();
      const [choice] = ((property as { enum?: unknown[] }).enum ?? []) as unknown[];
      return [name, choice ?? (type === "integer" || type === "number" ? 10 : "because")];
    }),
  );
}
