// The options of `cc-relay login`, checked before anything else happens.

import { findIdFault, findNameFault, findWordFault } from "../../config/text-faults.ts";
import { UserError } from "../../domain/errors.ts";
import type { Family } from "../../domain/family.ts";
import { type ProxySettings, readProxyUrl } from "../../network/proxy.ts";
import { loginKind } from "../../upstreams/kinds.ts";

/** As commander hands them over. */
export interface LoginFlags {
  id?: string;
  name?: string;
  priority?: string;
  apiKey?: boolean;
  setupToken?: boolean;
  proxy?: string;
  project?: string;
  /** False with --no-browser. */
  browser: boolean;
  yes?: boolean;
}

export interface LoginOptions {
  family: Family;
  /** Undefined: one that is free. */
  id: string | undefined;
  name: string | undefined;
  priority: number | undefined;
  proxy: ProxySettings | undefined;
  /** Google Cloud project of a Gemini login. */
  project: string | undefined;
  /** No choice: an API key. */
  apiKey: boolean;
  /** No choice: a token of `claude setup-token`. */
  setupToken: boolean;
  browser: boolean;
  /** Every question is answered with yes beforehand. */
  yes: boolean;
}

/** Throws a UserError for the first value that cannot be used. None is quoted: it can be a key in the wrong place. */
export function readOptions(family: Family, flags: LoginFlags): LoginOptions {
  const {
    id,
    name,
    priority,
    proxy,
    project,
    apiKey = false,
    setupToken = false,
    browser,
    yes = false,
  } = flags;
  refuse("--id", id, findIdFault, "give a short word, such as: --id work");
  refuse("--name", name, findNameFault, 'give a name, such as: --name "Work"');
  refuse(
    "--project",
    project,
    findProjectFault,
    "give the id of a Google Cloud project, such as: my-project-1",
  );
  if (project !== undefined && (family !== "gemini" || apiKey)) {
    throw wrong("--project is for logging in to Gemini with Google", "leave it out");
  }
  if (setupToken && loginKind(family)?.credentials.includes("setup_token") !== true) {
    throw wrong("--setup-token is for Claude", "leave it out, or run: cc-relay login claude --setup-token");
  }
  if (setupToken && apiKey)
    throw wrong("--setup-token and --api-key exclude each other", "leave out one of the two");
  return {
    family,
    id,
    name,
    priority: priority === undefined ? undefined : readPriority(priority),
    proxy: proxy === undefined ? undefined : readProxy(proxy),
    project,
    apiKey,
    setupToken,
    browser,
    yes,
  };
}

/** A project has a number, too, and Code Assist does not take it. */
export function findProjectFault(project: string): string | undefined {
  if (/^\d+$/.test(project)) return "is a project's number, and its id is wanted";
  return findWordFault(project);
}

function refuse(
  flag: string,
  value: string | undefined,
  findFault: (value: string) => string | undefined,
  fix: string,
): void {
  const fault = value === undefined ? undefined : findFault(value);
  if (fault !== undefined) throw wrong(`${flag} ${fault}`, fix);
}

function readPriority(text: string): number {
  if (!/^[+-]?\d{1,9}$/.test(text)) {
    throw wrong(
      "--priority is no whole number",
      "give one such as: --priority 200 (100 is usual, higher is tried first)",
    );
  }
  return Number(text);
}

function readProxy(text: string): ProxySettings {
  // A lone word would be taken for a host with an HTTP proxy on port 80: `none`, `off`, a password.
  const proxy = /:\d|:\/\//.test(text) ? readProxyUrl(text) : undefined;
  if (proxy === undefined || proxy.port === 0) {
    throw wrong(
      "--proxy is no address of a proxy",
      "write it like this: socks5://USER:PASSWORD@HOST:1080, or http://HOST:3128",
    );
  }
  return proxy;
}

function wrong(message: string, fix: string): UserError {
  return new UserError(message, { fix, exitCode: 2 });
}
