// The same two turns of Codex in each of the ways in which it is used: `codex exec`, its app-server, and a terminal.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/until.ts";
import { readTranscript, runCodex } from "./codex.ts";
import { killGroup } from "./program.ts";
import type { Sandbox } from "./sandbox.ts";
import type { Stage } from "./stage.ts";
import { commands, sawBoth, sawOne } from "./task.ts";
import { openTerminal } from "./terminal.ts";

export interface Scene {
  /** What its user sees, less what is different each time. */
  shown: string[];
  /** What Codex has kept of the conversation, in order. */
  kept: string[];
}

const prompts = {
  first: `Script: run [[${commands.one}]] and then [[${commands.two}]]`,
  second: `Script: run [[${commands.one}]]`,
} as const;

/** Each is played with the provider that Codex's configuration names. */
export const scenes = { exec: overExec, "app-server": overAppServer, terminal: inTerminal } as const;

export type SceneName = keyof typeof scenes;

/**
 * @param isQuiet says whether no request is under way, and none has come since it was asked last.
 * @param betweenTurns is waited for before the second turn.
 */
type Play = (
  stage: Stage,
  env: Record<string, string>,
  isQuiet: () => boolean,
  betweenTurns?: () => Promise<unknown>,
) => Promise<Scene>;

async function overExec(...[stage, env]: Parameters<Play>): Promise<Scene> {
  const first = readTranscript(await runCodex(stage, { args: [prompts.first], env }));
  const second = readTranscript(await runCodex(stage, { args: ["resume", "--last", prompts.second], env }));
  return {
    shown: [first, second].flatMap(({ exitCode, lines }) => [...lines, `exit ${exitCode}`]),
    kept: readKept(stage.sandbox),
  };
}

async function overAppServer(...[stage, env, , betweenTurns]: Parameters<Play>): Promise<Scene> {
  const { sandbox } = stage;
  const server = startAppServer(sandbox, env);
  try {
    await server.request("initialize", {
      clientInfo: { name: "suite", title: "suite", version: "1" },
      capabilities: null,
    });
    const { thread } = (await server.request("thread/start", {
      cwd: sandbox.workspace,
      approvalPolicy: "never",
      sandbox: "danger-full-access",
    })) as { thread: { id: string } };
    for (const text of [prompts.first, prompts.second]) {
      await server.request("turn/start", {
        threadId: thread.id,
        input: [{ type: "text", text, text_elements: [] }],
      });
      await server.turnEnds();
      if (text === prompts.first) await betweenTurns?.();
    }
    return { shown: server.shown, kept: readKept(sandbox) };
  } finally {
    await server.stop();
  }
}

interface Message {
  id?: number;
  method?: string;
  params?: {
    item?: Item;
    turn?: { status: string; error?: { message: string } | null };
    error?: { message: string };
  };
  result?: unknown;
  error?: { message: string };
}

interface Item {
  type: string;
  text?: string;
  command?: string;
  aggregatedOutput?: string;
}

function startAppServer(sandbox: Sandbox, env: Record<string, string>) {
  const child = spawn("codex", ["app-server"], {
    ...{ env: { ...sandbox.env, ...env }, cwd: sandbox.workspace, detached: true },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const exited = new Promise((resolve) => child.once("close", resolve));
  const shown: string[] = [];
  const answers = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  let turn = Promise.withResolvers<void>();
  let count = 0;
  createInterface(child.stdout).on("line", (line) => {
    const { id, method, params, result, error } = JSON.parse(line) as Message;
    const asked = id === undefined || method !== undefined ? undefined : answers.get(id);
    if (asked) return error ? asked.reject(new Error(error.message)) : asked.resolve(result);
    if (method === "item/completed") shown.push(...itemLines(params?.item));
    if (method === "error") shown.push(`error: ${params?.error?.message}`);
    if (method === "turn/completed") {
      shown.push(`turn ${params?.turn?.status} ${params?.turn?.error?.message ?? ""}`);
      turn.resolve();
    }
  });
  return {
    shown,
    request: (method: string, params: unknown) =>
      new Promise<unknown>((resolve, reject) => {
        const id = ++count;
        answers.set(id, { resolve, reject });
        child.stdin.write(`${JSON.stringify({ id, method, params })}\n`);
      }),
    async turnEnds(): Promise<void> {
      const late = setTimeout(
        () => turn.reject(new Error(`the turn does not end: ${shown.join("\n")}`)),
        90_000,
      );
      await turn.promise.finally(() => clearTimeout(late));
      turn = Promise.withResolvers();
    },
    async stop(): Promise<void> {
      killGroup(child);
      await exited;
    },
  };
}

function itemLines(item: Item | undefined): string[] {
  switch (item?.type) {
    case "agentMessage":
      return [`says ${item.text}`];
    case "commandExecution":
      return [`runs ${item.command}: ${item.aggregatedOutput}`];
    default:
      return [];
  }
}

/** What begins the line with an error that has ended a turn. */
const errorMark = "■";

async function inTerminal(...[stage, env, isQuiet]: Parameters<Play>): Promise<Scene> {
  const { sandbox } = stage;
  const args = [
    "--dangerously-bypass-approvals-and-sandbox",
    "-c",
    `projects={"${sandbox.workspace}"={trust_level="trusted"}}`,
  ];
  const terminal = openTerminal({
    file: "codex",
    args,
    env: { ...sandbox.env, ...env },
    cwd: sandbox.workspace,
  });
  try {
    await terminal.shows("for shortcuts");
    for (const [prompt, answer] of [
      [prompts.first, sawBoth],
      [prompts.second, sawOne],
    ] as const) {
      terminal.type(prompt);
      await terminal.shows(prompt.slice(-20));
      terminal.type("\r");
      await terminal.shows(new RegExp(`${answer.replaceAll(" ", "")}|${errorMark}`), 90_000);
    }
    const troubles =
      terminal.seen().match(/Reconnecting|usagelimit|atcapacity|streamdisconnected|error/gi) ?? [];
    const kept = await until("the conversation is kept", () => {
      const lines = readKept(sandbox);
      return lines.at(-1) === `assistant: ${sawOne}` && lines;
    });
    // Its other conversations, which give this one its title, are answered too.
    await until(
      "nothing is under way",
      async () => isQuiet() && (await sleep(700)) === undefined && isQuiet(),
    );
    return { shown: troubles.map(String), kept };
  } finally {
    await terminal.close();
  }
}

interface KeptItem {
  type?: string;
  role?: string;
  content?: { text?: string }[];
  name?: string;
  input?: string;
  arguments?: string;
  output?: unknown;
}

/** From the file that Codex resumes a session from. */
function readKept({ home }: Sandbox): string[] {
  const folder = join(home, ".codex", "sessions");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".jsonl"),
  );
  return files.sort().flatMap((name) =>
    readFileSync(join(folder, name), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as { type: string; payload: KeptItem })
      .filter(({ type }) => type === "response_item")
      .flatMap(({ payload }) => keptLine(payload)),
  );
}

function keptLine({ type, role, content, name, input, arguments: given, output }: KeptItem): string[] {
  // What is said of the machine and the day is not the conversation's.
  if (role === "developer") return [];
  const text = content?.map((piece) => piece.text).join("");
  if (role === "user" && !text?.startsWith("Script:")) return [];
  if (role !== undefined) return [`${role}: ${text}`];
  if (output !== undefined) return [`${type}: ${/marker-\d+/.exec(JSON.stringify(output))?.[0]}`];
  return [`${type}: ${name} ${input ?? given}`];
}
