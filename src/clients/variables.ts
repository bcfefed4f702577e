// The variables that point each client at the relay, with a key of the relay or beside the client's own login, and those that conflict
// with them. What works was tried with Claude Code 2.1.330, Gemini CLI 0.61.0 and Codex 0.169.0.

import type { Environment, EnvironmentChange } from "../terminal/environment.ts";
import { claudeCode } from "./claude-code.ts";
import {
  type ClientAccess,
  type ClientInfo,
  type Conflict,
  type KeyHeaders,
  type KeyVariable,
  keyHeader,
} from "./client.ts";
import { codex } from "./codex.ts";
import { geminiCli } from "./gemini-cli.ts";
import { openaiSdks } from "./openai-sdks.ts";

export const clients = ["claude", "gemini", "codex", "openai"] as const;
export type Client = (typeof clients)[number];

export const clientInfo: Readonly<Record<Client, ClientInfo>> = {
  claude: claudeCode,
  gemini: geminiCli,
  codex,
  openai: openaiSdks,
};

/** The variables that point a client at the relay, and those that conflict with them. */
export function variablesFor(
  client: Client,
  access: Pick<ClientAccess, "origin" | "key" | "ownLogin">,
  env: Environment,
): Required<EnvironmentChange> {
  if (access.ownLogin) return ownLoginVariables(client, access, env);
  const { origin, key } = access;
  const { urlVariable, keyVariable, path, conflicting } = clientInfo[client];
  return {
    set: {
      ...(urlVariable === undefined ? {} : { [urlVariable]: origin + path }),
      ...(key === undefined ? {} : { [keyVariable]: key }),
    },
    // A forwarded request needs the credential that the client has.
    remove: key === undefined ? [] : conflicting.map(({ name }) => name),
  };
}

/** For `env --unset`: the names alone. Headers of the person's own in the same variable go with it. */
export function variableNames(client: Client, { ownLogin }: Pick<ClientAccess, "ownLogin">): string[] {
  const { urlVariable, keyVariable, ownLogin: own } = clientInfo[client];
  const names = ownLogin
    ? [own.urlVariable, own.key && variableOf(own.key), ...Object.keys(own.others)]
    : [urlVariable, keyVariable];
  return names.filter((name) => name !== undefined);
}

/** The conflicting variables that are set, in the order of the table. */
export function findConflicts(client: Client, env: Environment): Conflict[] {
  return clientInfo[client].conflicting.filter(({ name }) => Boolean(env[name]));
}

/** What is set and takes the login's place. */
export function findReplacing(client: Client, env: Environment): string[] {
  return clientInfo[client].ownLogin.replacing.filter((name) => Boolean(env[name]));
}

function ownLoginVariables(
  client: Client,
  { origin, key }: Pick<ClientAccess, "origin" | "key">,
  env: Environment,
): Required<EnvironmentChange> {
  const { path, ownLogin } = clientInfo[client];
  const { urlVariable, others, replacing } = ownLogin;
  const set: Record<string, string> = { ...others };
  if (urlVariable !== undefined) set[urlVariable] = origin + path;
  if (key !== undefined && ownLogin.key !== undefined) {
    const variable = variableOf(ownLogin.key);
    set[variable] = "keyVariable" in ownLogin.key ? key : addHeader(env[variable], ownLogin.key, key);
  }
  return { set, remove: [...replacing] };
}

function variableOf(place: KeyHeaders | KeyVariable): string {
  return "keyVariable" in place ? place.keyVariable : place.headersVariable;
}

/** Headers that the person has set stay. */
function addHeader(present: string | undefined, { separators }: KeyHeaders, key: string): string {
  const [between, before] = separators;
  const others = (present ?? "")
    .split(between)
    .filter((header) => header.trim() !== "" && !header.trim().toLowerCase().startsWith(`${keyHeader}:`));
  return [...others, `${keyHeader}${before}${key}`].join(between);
}
