// Checks where a client is pointed and with which key: the base URL has to lead to the relay, in the form the client needs, and the
// relay has to accept the key.

import { type ClientInfo, keyHeader } from "../../clients/client.ts";
import { printable } from "../../config/problem.ts";
import type { Advice } from "../../domain/errors.ts";
import { isLoopbackHost } from "../../network/loopback.ts";
import type { Check, Findings } from "../check.ts";
import type { Surroundings } from "./surroundings.ts";

export interface BaseUrl {
  /** How the setting is called: `ANTHROPIC_BASE_URL`, `base_url of [model_providers.relay]`. */
  setting: string;
  value: string;
  /** The program that reads it. */
  client: Pick<ClientInfo, "title" | "servedPaths" | "appended">;
  /** How it is set right. */
  fix: Advice;
}

/** Undefined when all is well. Nothing but loopback addresses is asked. */
export async function findBaseUrlFault(
  base: BaseUrl,
  findings: Findings,
  { relay, probe }: Pick<Surroundings, "relay" | "probe">,
): Promise<Check | undefined> {
  const { setting, fix } = base;
  const { title, servedPaths, appended } = base.client;
  const url = URL.canParse(base.value) ? new URL(base.value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return findings.fail(`${setting} is not an address of the form http://HOST:PORT`, fix);
  }
  const path = url.pathname.replace(/(?<!\/)\/+$/, "");
  const doubled = appended?.ending.exec(path)?.[0];
  if (appended && doubled !== undefined) {
    const asked = `${show(path)}${appended.path}`;
    return findings.fail(
      `${setting} ends in ${doubled}, and ${title} adds its own: it would ask for ${asked}`,
      fix,
    );
  }
  const isOurs = isAt(base.value, relay?.origin);
  if (isOurs && url.protocol === "https:") {
    return findings.fail(`${setting} begins with https, and the relay speaks http`, fix);
  }
  if (!isOurs && (!isLoopbackHost(url.hostname) || url.protocol === "https:")) {
    return findings.warn(`${setting} points at ${show(url.host)}, not at the relay`, fix);
  }
  const presence = await probe.look(url.origin);
  if (presence.kind === "other") {
    return findings.fail(`${setting} points at ${url.origin}, and what answers there is not the relay`, fix);
  }
  if (presence.kind === "down" && !isOurs) {
    return findings.fail(`${setting} points at ${url.origin}, where no relay answers`, fix);
  }
  if (!servedPaths.includes(path)) {
    return findings.fail(
      `${setting} has the path ${show(path) || "/"}, where the relay does not serve ${title}`,
      fix,
    );
  }
  // That the relay itself does not run is reported once, not for every client.
  return undefined;
}

function show(text: string): string {
  return printable(text, 80);
}

/** Whether an address leads to the origin: loopback has several names, and a relay on one mostly answers to all. */
export function isAt(address: string, origin: string | undefined): boolean {
  if (origin === undefined || !URL.canParse(address)) return false;
  const url = new URL(address);
  const relay = new URL(origin);
  if (url.port !== relay.port) return false;
  return url.hostname === relay.hostname || (isLoopbackHost(url.hostname) && isLoopbackHost(relay.hostname));
}

export interface KeyQuestion {
  /** Where the client is pointed at. */
  baseUrl: string;
  /** The variables whose value it sends, the recommended one first. */
  variables: readonly string[];
  /** The variable of headers in which the key can be beside the client's own login; undefined: the client has none. */
  headersVariable?: string | undefined;
  /** As the client sees it: its own files included. */
  env: Surroundings["env"];
  /** How the key is set. */
  fix: Advice;
}

/** Undefined when all is well, the relay asks for none, or it is another relay than ours. */
export function findKeyFault(
  { baseUrl, variables, headersVariable, env, fix }: KeyQuestion,
  findings: Findings,
  { relay }: Pick<Surroundings, "relay">,
): Check | undefined {
  if (relay === undefined || relay.keys.length === 0) return undefined;
  if (!isAt(baseUrl, relay.origin)) return undefined;
  const isKey = (value: string | undefined) => relay.keys.some(({ key }) => key === value);
  const inHeaders = headersVariable === undefined ? undefined : keyInHeaders(env[headersVariable]);
  if (inHeaders !== undefined) {
    return isKey(inHeaders)
      ? undefined
      : findings.fail(`${keyHeader} in ${headersVariable} is not one of api_keys: the relay refuses it`, fix);
  }
  const [recommended = ""] = variables;
  const set = variables.filter((name) => Boolean(env[name]));
  if (set.length === 0) {
    return findings.warn(`${recommended} is not set, and the relay asks for one of api_keys`, fix);
  }
  const fits = set.some((name) => isKey(env[name]));
  return fits
    ? undefined
    : findings.fail(`${set.join(" and ")} is not one of api_keys: the relay refuses it`, fix);
}

/** The relay's key in lines of headers; undefined when they have none. */
export function keyInHeaders(lines: string | undefined): string | undefined {
  const headers = (lines ?? "").split("\n").map((line) => line.split(/:(.*)/s, 2).map((part) => part.trim()));
  return headers.find(([name, value]) => name?.toLowerCase() === keyHeader && value !== undefined)?.[1];
}
