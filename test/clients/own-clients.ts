// Clients that are logged in, with logins that are made up: how each is set up, played and read.

import { claudeFailures } from "../support/claude-script.ts";
import { geminiFailures } from "../support/gemini-script.ts";
import { openaiFailures } from "../support/openai-script.ts";
import * as claude from "./claude-code.ts";
import * as codex from "./codex.ts";
import * as gemini from "./gemini-cli.ts";
import type { LoginStage } from "./own-login.ts";
import { type ProgramResult, runProgram } from "./program.ts";
import { commands } from "./task.ts";

/** Two commands, one after the other: three requests. */
export const twoCommands = `Script: run [[${commands.one}]] and then [[${commands.two}]]`;
const day = 86_400_000;

export const claudeLogin = "sk-ant-oat01-made-up-login";

/** As `claude` leaves it. */
export async function logInClaude({ sandbox }: LoginStage): Promise<void> {
  const claudeAiOauth = {
    ...{ accessToken: claudeLogin, refreshToken: "sk-ant-ort01-made-up", expiresAt: Date.now() + day },
    ...{ scopes: ["user:inference", "user:profile"], subscriptionType: "max" },
  };
  await sandbox.write("home", ".claude/.credentials.json", JSON.stringify({ claudeAiOauth }));
}

export async function runClaude({ relay, sandbox }: LoginStage): Promise<ProgramResult> {
  return runProgram({
    file: "claude",
    args: claude.printing([twoCommands]),
    env: { ...sandbox.env, ...(await relay.env("claude", "--own-login")) },
    cwd: sandbox.workspace,
  });
}

/** As OpenAI issues them for Codex, with a made-up signature. */
export function codexToken(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const auth = {
    chatgpt_account_id: "acct-made-up",
    chatgpt_plan_type: "plus",
    chatgpt_user_id: "user-made-up",
  };
  const claims = {
    ...{ iss: "https://auth.openai.com", sub: "user-made-up", email: "made-up@example.com" },
    ...{ exp: Math.floor((Date.now() + day) / 1000), "https://api.openai.com/auth": auth },
  };
  return `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}.c2lnbmF0dXJl`;
}

export async function logInCodex({ sandbox }: LoginStage, login: string): Promise<void> {
  const tokens = {
    id_token: login,
    access_token: login,
    refresh_token: "rt-made-up",
    account_id: "acct-made-up",
  };
  const auth = { auth_mode: "chatgpt", OPENAI_API_KEY: null, tokens, last_refresh: new Date().toISOString() };
  await sandbox.write("home", ".codex/auth.json", JSON.stringify(auth));
}

export async function runCodex({ relay, sandbox }: LoginStage, ...flags: string[]): Promise<ProgramResult> {
  const block = await codex.providerBlock(relay, "--own-login", ...flags);
  await sandbox.write("home", ".codex/config.toml", block);
  return runProgram({
    file: "codex",
    args: codex.executing([], [twoCommands]),
    env: { ...sandbox.env, ...(await relay.env("codex", "--own-login", ...flags)) },
    cwd: sandbox.workspace,
  });
}

export const googleLogin = "ya29.made-up-login";

export async function logInGemini({ sandbox }: LoginStage): Promise<void> {
  const settings = { security: { auth: { selectedType: "oauth-personal" } } };
  await sandbox.write("home", ".gemini/settings.json", JSON.stringify(settings));
}

export async function runGemini({ relay, sandbox }: LoginStage): Promise<ProgramResult> {
  return runProgram({
    file: "gemini",
    args: gemini.printing([twoCommands]),
    env: {
      ...{ ...sandbox.env, ...gemini.trusting, GOOGLE_CLOUD_ACCESS_TOKEN: googleLogin },
      ...(await relay.env("gemini", "--own-login")),
    },
    cwd: sandbox.workspace,
    timeoutMs: 90_000,
  });
}

/** What a client shows, whatever it is of. */
export const shownBy = {
  claude: (run: ProgramResult) => claude.readTranscript(run).lines.join("\n"),
  codex: (run: ProgramResult) => codex.readTranscript(run).lines.join("\n"),
  gemini: (run: ProgramResult) => gemini.readTranscript(run).lines.join("\n"),
} as const;

/** What their providers say of a limit, no capacity, and a credential that is not accepted. */
export const failures = {
  claude: {
    limit: (until: number) => claudeFailures.windowRejected("5h", until),
    full: () => claudeFailures.overloaded(),
    dead: () => claudeFailures.unauthorized(),
  },
  codex: {
    limit: (until: number) => openaiFailures.usageLimit(until),
    full: () => openaiFailures.overloaded(),
    dead: () => openaiFailures.unauthorized(),
  },
  gemini: {
    limit: (until: number) =>
      geminiFailures.codeAssistExhausted(`${Math.ceil((until - Date.now()) / 1000)}s`),
    full: () => geminiFailures.overloaded(),
    dead: () => geminiFailures.unauthenticated(),
  },
} as const;
