// Where a case plays: a scripted provider, a sandboxed client, and between them the relay or nothing.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { AccountType } from "../../src/domain/family.ts";
import type { SocketScript } from "../support/socket-script.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { type RelayProcess, relayKey, startRelayProcess } from "./relay-process.ts";
import { createSandbox, type Sandbox } from "./sandbox.ts";
import { type Fault, type Model, withFaults } from "./task.ts";

export interface Stage {
  readonly upstream: ScriptedUpstream;
  readonly sandbox: Sandbox;
  /** Undefined: clients speak to the provider themselves, with the first account's key. */
  readonly relay: RelayProcess | undefined;
}

export interface RelayStage extends Stage {
  readonly relay: RelayProcess;
}

export interface RelaySettings {
  /** The type of both accounts, `first` (tried first) and `second`. */
  type: AccountType;
  /** Of both; else the first is preferred. */
  priority?: number;
  /** TOML that follows the accounts. */
  more?: (upstream: ScriptedUpstream) => string;
  /** One account more of any type, `other`, on the same provider. */
  other?: AccountType;
  /** The provider speaks WebSocket as well. */
  sockets?: SocketScript;
}

export const firstKey = "key-of-first";
export const secondKey = "key-of-second";

export async function startDirectStage(t: TestContext, sockets?: SocketScript): Promise<Stage> {
  const upstream = await startUpstream(sockets === undefined ? {} : { sockets });
  const sandbox = await createSandbox();
  t.after(async () => {
    await upstream.close();
    await sandbox.remove();
  });
  return { upstream, sandbox, relay: undefined };
}

export async function startRelayStage(t: TestContext, settings: RelaySettings): Promise<RelayStage> {
  const { upstream, sandbox } = await startDirectStage(t, settings.sockets);
  const accounts = [
    accountBlock("first", settings.type, upstream.url, settings.priority ?? 200),
    accountBlock("second", settings.type, upstream.url, settings.priority ?? 100),
    settings.other === undefined ? "" : accountBlock("other", settings.other, upstream.url, 50),
  ];
  const relay = await startRelayProcess(`${accounts.join("\n")}\n${settings.more?.(upstream) ?? ""}`);
  t.after(() => relay.stop());
  return { upstream, sandbox, relay };
}

export function accountBlock(id: string, type: AccountType, url: string, priority: number): string {
  const credential = type === "gemini" || type === "claude-oauth" ? "refresh_token" : "api_key";
  return `[[accounts]]
id = "${id}"
type = "${type}"
${credential} = "key-of-${id}"
api_url = "${type === "openai-responses" ? `${url}/v1` : url}"
priority = ${priority}
`;
}

export interface Play extends RelaySettings {
  model: Model;
  /** Faults that the provider has with and without the relay: the client meets them either way. */
  faults?: Fault;
  /** Faults that the relay keeps from its client, by sending the request to the other account. */
  hiddenFaults?: Fault;
  /** How many of the requests are recorded as errors; none when left out. */
  errors?: number;
}

/** Plays a scene straight against the provider, then through the relay, and demands the same outcome and true records. */
export async function playBoth<Outcome>(
  t: TestContext,
  play: Play,
  scene: (stage: Stage) => Promise<Outcome>,
): Promise<{ stage: RelayStage; outcome: Outcome }> {
  const { model, faults = none, hiddenFaults = none, errors = 0 } = play;
  const direct = await startDirectStage(t);
  direct.upstream.on(() => true, withFaults(model, faults));
  const expected = await scene(direct);
  const stage = await startRelayStage(t, play);
  stage.upstream.on(() => true, withFaults(withFaults(model, faults), hiddenFaults));
  const outcome = await scene(stage);
  assert.deepEqual(outcome, expected);
  await assertSound(stage);
  const { total } = await stage.relay.usage("account");
  assert.equal(
    total.requests,
    direct.upstream.served.length,
    "requests recorded, and made without the relay",
  );
  assert.equal(total.errors, errors);
  return { stage, outcome };
}

function none(): undefined {}

/** What holds after every case: the records agree with what was served, the relay's key stayed here, and nothing went wrong inside. */
export async function assertSound({ relay, upstream }: RelayStage): Promise<void> {
  const { rows, total } = await recorded(relay, upstream);
  assert.deepEqual(total.tokens, upstream.total(), "tokens recorded, and served");
  for (const { key, tokens } of rows) {
    if (key !== "(none)" && key !== "passthrough")
      assert.deepEqual(tokens, upstream.total(`key-of-${key}`), key);
  }
  for (const { rawHeaders, url } of upstream.requests) {
    assert.ok(
      !`${url}\n${rawHeaders.join("\n")}`.includes(relayKey),
      `the relay's key went upstream: ${url}`,
    );
  }
  const faults = relay.log().filter(({ level }) => level === "error");
  assert.deepEqual(faults, []);
}

/** A client that leaves early is recorded when the relay notices. */
async function recorded(relay: RelayProcess, upstream: ScriptedUpstream) {
  const deadline = Date.now() + 2000;
  for (;;) {
    const usage = await relay.usage("account");
    const isComplete = JSON.stringify(usage.total.tokens) === JSON.stringify(upstream.total());
    if (isComplete || Date.now() > deadline) return usage;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The accounts that answered well, in order: `first, second`. */
export function accountsThatServed({ upstream }: Stage): string[] {
  return upstream.served.map(({ credential }) => credential.replace("key-of-", ""));
}

/** The accounts that were asked, in order, well or not. */
export function accountsAsked({ upstream }: Stage): string[] {
  return upstream.requests.map(({ credential }) => credential.replace("key-of-", ""));
}
