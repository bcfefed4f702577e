// One relay with its accounts on a scripted provider, and one strange case after another in it.

import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import type { Behaviour } from "../support/behaviour.ts";
import { type ClientAnswer, type ClientRequest, send } from "../support/client.ts";
import { startRelay, type TestRelay } from "../support/relay.ts";
import {
  createRandom,
  pick,
  type StrangeFamily,
  strangeBehaviour,
  strangeFamilies,
  strangeRequest,
} from "../support/strange.ts";
import { ownKeysGoTo, type StrangeKind, strangeAccounts, withOwnKey } from "../support/strange-accounts.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import type { Pace } from "./pace.ts";

export interface World {
  /** Runs one case; returns what does not hold. */
  next(): Promise<string[]>;
  /** Cases that were done again because the machine had been late. */
  readonly repeated: number;
  /** Cases that failed each time, the machine late each time: they say nothing. */
  readonly undecided: number;
  /** Compares the usage of all ordinary requests with what the provider served. */
  usageFaults(): Promise<string[]>;
  close(): Promise<void>;
}

/** A client waits no longer, in time that this process had. An answer in single bytes takes its share of it. */
const clientTimeoutMs = 30_000;
/** A case that lost so much time says nothing about the relay's time limits. */
const lateMs = 250;
/** The scripted provider's close comes up to 230 ms after its answer (seen). */
const closingMs = 400;
/** So often such a case is done again. */
const maxRepeats = 3;

export interface WorldOptions {
  accounts: number;
  family: StrangeFamily["name"];
  /** What the first account is; `pool` unless given: one of the relay's own, as the others. `client`: the client's own key. */
  kind?: StrangeKind;
  seed: number;
  pace: Pace;
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const family = strangeFamilies.find(({ name }) => name === options.family)!;
  const { kind = "pool", pace } = options;
  const upstream = await startUpstream({ family: family.name === "chat" ? "claude" : family.name });
  const ids = ["a", "b", "c"].slice(0, options.accounts);
  const relay = await startRelay({
    accounts: strangeAccounts(ids, { family, kind, url: upstream.url }),
    holdBackMs: 300,
    configure: (config) => {
      const limits = { firstByteTimeoutMs: 1000, unstreamedTimeoutMs: 1200, idleTimeoutMs: 800 };
      return ownKeysGoTo(upstream.url, { ...config, upstream: { ...config.upstream, ...limits } });
    },
  });
  const agent = new Agent({ keepAlive: true });
  const random = createRandom(options.seed);
  let turn = 0;
  let repeated = 0;
  let undecided = 0;
  let served: Usage = { input: 0, output: 0, requests: 0 };

  interface Case {
    behaviour: Behaviour;
    request: ClientRequest;
    stream: boolean;
    ordinary: ClientRequest;
  }

  function draw(): Case {
    const strange = random() < 0.75 ? "provider" : "client";
    const behaviour: Behaviour = strange === "provider" || random() < 0.3 ? strangeBehaviour(random) : {};
    const stream = random() < 0.5;
    const request = requestOf(strange, stream);
    const ordinary = family.generate(family.models.ordinary, random() < 0.5, `ordinary ${turn}`);
    return {
      behaviour,
      request: withOwnKey(request, family, kind),
      stream,
      ordinary: withOwnKey(ordinary, family, kind),
    };
  }

  async function next(): Promise<string[]> {
    turn++;
    const drawn = draw();
    for (let round = 0; ; round++) {
      const watch = pace.watch();
      const faults = await judge(drawn);
      const isLate = watch() > lateMs;
      // What a time limit has broken off on the way has cost the provider all the same.
      if (isLate) served = await recordedUsage(relay, family.models.ordinary);
      if (isLate && faults.length > 0 && round === maxRepeats) {
        undecided++;
        return [];
      }
      if (faults.length === 0 || !isLate) {
        const name = `${family.name}/${kind}/${options.accounts}, seed ${options.seed}, turn ${turn}`;
        return faults.map(
          (fault) => `${name}: ${describe(drawn.request)} answered ${describe(drawn.behaviour)}: ${fault}`,
        );
      }
      repeated++;
      // What lateness has left behind is not the next case's; a running relay forgets within a second.
      for (const { id } of relay.config.accounts) await relay.store.accounts.forgetLearned(id, Date.now());
      await sleep(1100);
    }
  }

  async function judge({ behaviour, request, stream, ordinary }: Case): Promise<string[]> {
    upstream.on(() => true, behaviour);
    const faults: string[] = [];
    const answer = await ask(relay, request, pace);
    if (answer === "late") faults.push("the client got no end of an answer");
    else if (answer !== "broken") faults.push(...answerFaults(answer, { request, stream }));

    upstream.reset();
    // A request that is on its way when the connection closes unannounced may be at work: it is not repeated where it is the only one.
    if (behaviour.closeAfter) await sleep(closingMs);
    const served = await ask(relay, { ...ordinary, agent }, pace);
    if (typeof served === "string" || served.status !== 200 || served.end !== "clean") {
      const got = typeof served === "string" ? served : `${served.status} ${served.text.slice(0, 200)}`;
      faults.push(`the next ordinary request was not served: ${got}`);
    }
    countServed();
    return faults;
  }

  function requestOf(strange: "provider" | "client", stream: boolean): ClientRequest {
    if (strange === "client") return strangeRequest(random, family);
    const free = family.free(family.models.strange);
    if (free.length > 0 && random() < 0.2) return pick(random, free);
    return family.generate(family.models.strange, stream, `strange ${turn}`);
  }

  function answerFaults(answer: ClientAnswer, asked: { request: ClientRequest; stream: boolean }): string[] {
    const isGenerated = asked.request.path === family.generate(family.models.strange, asked.stream, "").path;
    const isStrangeClient = typeof asked.request.body !== "object" || asked.request.method !== undefined;
    if (!isGenerated || isStrangeClient || answer.end !== "clean" || answer.status !== 200) return [];
    const text = decoded(answer);
    if (text === undefined) return [`a clean end of bytes that are not ${answer.header("content-encoding")}`];
    if (family.isWhole(text, asked.stream) || family.isWhole(text, !asked.stream)) return [];
    if (!isForModel(asked.request, family.models.strange) && /"error":\s*[{"]/.test(text)) return [];
    return [`a clean end without a whole answer: ${JSON.stringify(text.slice(-200))}`];
  }

  /** The scripted provider remembers what it put on the wire; it is emptied so that a long run needs no more memory. */
  function countServed(): void {
    for (const { model, outcome, usage } of upstream.served) {
      if (model !== family.models.ordinary || outcome !== "complete") continue;
      served.requests++;
      served.input += usage.input;
      served.output += usage.output;
    }
    upstream.reset();
    relay.log.length = 0;
  }

  return {
    next,
    async usageFaults() {
      const recorded = await recordedUsage(relay, family.models.ordinary);
      const isSame = (["input", "output", "requests"] as const).every((key) => recorded[key] === served[key]);
      const name = `${family.name}/${kind}/${options.accounts}, seed ${options.seed}`;
      return isSame
        ? []
        : [`${name}: recorded ${JSON.stringify(recorded)}, served ${JSON.stringify(served)}`];
    },
    get repeated() {
      return repeated;
    },
    get undecided() {
      return undecided;
    },
    close: async () => {
      agent.destroy();
      await closeBoth(relay, upstream);
    },
  };
}

async function ask(
  relay: TestRelay,
  request: ClientRequest,
  pace: Pace,
): Promise<ClientAnswer | "broken" | "late"> {
  const patience = pace.after(clientTimeoutMs);
  const answer = send(relay.url, request).catch(() => "broken" as const);
  return await Promise.race([answer, patience.over.then(() => "late" as const)]).finally(patience.cancel);
}

/** Another model's chat request is not converted: a provider's own error goes on as it is, and may be the end. */
function isForModel({ body }: ClientRequest, model: string): boolean {
  return typeof body !== "object" || !("model" in body) || body.model === model;
}

interface Usage {
  input: number;
  output: number;
  requests: number;
}

async function recordedUsage({ store }: TestRelay, model: string): Promise<Usage> {
  const { rows } = await store.usage.summarize({ since: 0, until: Number.MAX_SAFE_INTEGER, by: "model" });
  const row = rows.find(({ key }) => key === model);
  return {
    input: row?.tokens.input ?? 0,
    output: row?.tokens.output ?? 0,
    requests: row?.requests ?? 0,
  };
}

async function closeBoth(relay: TestRelay, upstream: ScriptedUpstream): Promise<void> {
  // What still hangs at the provider would be drained for seconds.
  upstream.dropConnections();
  await relay.close();
  await upstream.close();
}

function describe(value: object): string {
  const text = JSON.stringify(value, (_key, each: unknown) =>
    typeof each === "string" && each.length > 80 ? `${each.slice(0, 80)}… (${each.length})` : each,
  );
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}

/** Undefined when the bytes are not in their coding, or nobody knows it. */
function decoded({ body, header, text }: ClientAnswer): string | undefined {
  const coding = header("content-encoding");
  if (coding === undefined) return text;
  try {
    return decoders.get(coding)?.(body).toString();
  } catch {
    return undefined;
  }
}

const decoders: ReadonlyMap<string, (body: Buffer) => Buffer> = new Map([
  ["gzip", (body: Buffer) => gunzipSync(body)],
  ["br", (body: Buffer) => brotliDecompressSync(body)],
  ["zstd", (body: Buffer) => zstdDecompressSync(body)],
  ["deflate", (body: Buffer) => inflateSync(body)],
]);
