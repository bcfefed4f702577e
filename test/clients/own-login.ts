// A relay between a client that is logged in and the hosts that its login, a key of another account, and a compatible host belong to: every
// credential is made up, and what reaches each host is looked at.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Family } from "../../src/domain/family.ts";
import type { RecordedRequest } from "../support/behaviour.ts";
import { codexPath } from "../support/openai-script.ts";
import type { RecordedUpgrade, SocketScript } from "../support/socket-script.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { type RelayProcess, relayKey, startRelayProcess } from "./relay-process.ts";
import { createSandbox, type Sandbox } from "./sandbox.ts";

export type HostId = "own" | "key" | "glm";

export interface LoginStage {
  readonly relay: RelayProcess;
  readonly sandbox: Sandbox;
  /** The provider that made the login. */
  readonly provider: ScriptedUpstream;
  /** The host of the account `key`. */
  readonly pooled: ScriptedUpstream;
  /** The host of the account `glm`. */
  readonly compatible: ScriptedUpstream;
  readonly hosts: Readonly<Record<HostId, ScriptedUpstream>>;
  readonly sockets: Readonly<Partial<Record<HostId, SocketScript>>>;
  /** The hosts that were asked, in order: `own`, `key` or `glm`. */
  asked(): string[];
}

export interface LoginSettings {
  family: Family;
  /** The client's own, as the provider gets it. */
  login: string;
  /** Of the hosts that speak WebSocket as well. */
  sockets?: Partial<Record<HostId, SocketScript>>;
  /** There is no account for it: where it goes along, nobody gets it. */
  isWithoutOwn?: boolean;
  /** TOML of the pooled account, and of what else there is. */
  accounts(urls: { pooled: string; compatible: string }): string;
}

export async function startLoginStage(t: TestContext, settings: LoginSettings): Promise<LoginStage> {
  const { family, login, sockets = {}, isWithoutOwn = false, accounts } = settings;
  const startHost = (id: HostId, firstIndex: number) =>
    startUpstream({ family, firstIndex, ...(sockets[id] && { sockets: sockets[id] }) });
  const provider = await startHost("own", 0);
  const pooled = await startHost("key", 1000);
  const compatible = await startHost("glm", 2000);
  const sandbox = await createSandbox();
  const own = `[[accounts]]\nid = "own"\ntype = "client"\nfamily = "${family}"\npriority = 200\n`;
  const urls = `[upstream]\nclaude_url = "${provider.url}"\nchatgpt_url = "${provider.url}${codexPath}"\ncode_assist_url = "${provider.url}"\n`;
  const relay = await startRelayProcess(
    `${urls}\n${isWithoutOwn ? "" : own}\n${accounts({ pooled: pooled.url, compatible: compatible.url })}`,
  );
  const hosts = { own: provider, key: pooled, glm: compatible };
  t.after(async () => {
    await relay.stop();
    for (const host of Object.values(hosts)) await host.close();
    await sandbox.remove();
    for (const [name, { requests }] of Object.entries(hosts) as [HostId, ScriptedUpstream][]) {
      assertCredentials(name, requests.map(readRequest), login);
      assertCredentials(name, sockets[name]?.upgrades.map(readUpgrade) ?? [], login);
      for (const { frame } of sockets[name]?.creates ?? [])
        assert.ok(!frame.includes(login) && !frame.includes(relayKey), `a frame at ${name}`);
    }
  });
  return {
    ...{ relay, sandbox, provider, pooled, compatible, hosts, sockets },
    asked: () =>
      Object.entries(hosts)
        .flatMap(([name, { requests }]) => requests.map((request) => ({ name, request })))
        .sort((a, b) => a.request.receivedAt - b.request.receivedAt)
        .map(({ name }) => name),
  };
}

interface Seen {
  /** What came before the body. */
  head: string;
  credential: string;
}

const readRequest = ({ url, rawHeaders, credential }: RecordedRequest): Seen => ({
  head: `${url}\n${rawHeaders.join("\n")}`,
  credential,
});

const readUpgrade = ({ path, headers, credential }: RecordedUpgrade): Seen => ({
  head: `${path}\n${JSON.stringify(headers)}`,
  credential,
});

/** The login at its own provider alone, a key at its host alone, the relay's key nowhere. */
function assertCredentials(host: HostId, seen: readonly Seen[], login: string): void {
  for (const { head, credential } of seen) {
    assert.ok(!head.includes(relayKey), `the relay's key reached ${host}`);
    assert.equal(head.includes(login), host === "own", `the login at ${host}`);
    if (host !== "own") assert.ok(!head.includes("acct-made-up"), `the login's account at ${host}`);
    if (host !== "own") assert.match(credential, new RegExp(`^(?:key-of|access)-${host}\\b`));
  }
}

/** What is recorded of each account equals what its host has served. */
export async function assertRecorded(
  { relay, provider, pooled, compatible }: LoginStage,
  requests: Record<string, number>,
): Promise<void> {
  const { rows } = await relay.usage("account");
  assert.deepEqual(Object.fromEntries(rows.map(({ key, requests }) => [key, requests])), requests);
  const hosts: Record<string, ScriptedUpstream> = { own: provider, key: pooled, glm: compatible };
  for (const { key, tokens } of rows) assert.deepEqual(tokens, hosts[key]?.total(), key);
  assert.deepEqual(
    relay.log().filter(({ level }) => level === "error"),
    [],
  );
}
