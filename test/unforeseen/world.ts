// One relay with its accounts on a scripted provider, and one strange case after another in it.

import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import type { AccountType } from "../../src/domain/family.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { type ClientAnswer, type ClientRequest, send } from "../support/client.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import {
  createRandom,
  pick,
  type StrangeFamily,
  strangeBehaviour,
  strangeFamilies,
  strangeRequest,
} from "../support/strange.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

export interface World {
  /** Runs one case; returns what does not hold. */
  next(): Promise<string[]>;
  /** Compares the usage of all ordinary requests with what the provider served. */
  usageFaults(): Promise<string[]>;
  close(): Promise<void>;
}

const typeOf: Record<StrangeFamily["name"], AccountType> = {
  claude: "claude-api",
  gemini: "gemini-api",
  openai: "openai-responses",
  chat: "claude-api",
};

/** A client waits no longer. An answer in single bytes takes its time on a busy machine. */
const clientTimeoutMs = 120_000;

export async function createWorld(options: {
  accounts: number;
  family: StrangeFamily["name"];
  seed: number;
}): Promise<World> {
  const family = strangeFamilies.find(({ name }) => name === options.family)!;
  const type = typeOf[family.name];
  const upstream = await startUpstream({ family: family.name === "chat" ? "claude" : family.name });
  const ids = ["a", "b", "c"].slice(0, options.accounts);
  const relay = await startRelay({
    accounts: ids.map((id) => testAccount(id, type, upstream.url)),
    configure: (config) => ({
      ...config,
      upstream: {
        ...config.upstream,
        firstByteTimeoutMs: 4000,
        unstreamedTimeoutMs: 5000,
        idleTimeoutMs: 3000,
      },
    }),
  });
  const random = createRandom(options.seed);
  let turn = 0;
  const served = { input: 0, output: 0, requests: 0 };

  async function next(): Promise<string[]> {
    turn++;
    const strange = random() < 0.75 ? "provider" : "client";
    const behaviour: Behaviour = strange === "provider" || random() < 0.3 ? strangeBehaviour(random) : {};
    const stream = random() < 0.5;
    const request = requestOf(strange, stream);
    upstream.on(() => true, behaviour);
    const name = `${family.name}/${options.accounts}, seed ${options.seed}, turn ${turn}: ${describe(request)} answered ${describe(behaviour)}`;
    const faults: string[] = [];
    const answer = await ask(relay, request);
    if (answer === "late") faults.push(`${name}: the client got no end of an answer`);
    else if (answer !== "broken")
      faults.push(...answerFaults(answer, { request, stream }).map((fault) => `${name}: ${fault}`));

    upstream.reset();
    const ordinary = await ask(
      relay,
      family.generate(family.models.ordinary, random() < 0.5, `ordinary ${turn}`),
    );
    if (typeof ordinary === "string" || ordinary.status !== 200 || ordinary.end !== "clean") {
      const got =
        typeof ordinary === "string" ? ordinary : `${ordinary.status} ${ordinary.text.slice(0, 200)}`;
      faults.push(`${name}: the next ordinary request was not served: ${got}`);
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
    usageFaults: () =>
      compareUsage({
        relay,
        model: family.models.ordinary,
        served,
        name: `${family.name}/${options.accounts}`,
      }),
    close: () => closeBoth(relay, upstream),
  };
}

async function ask(relay: TestRelay, request: ClientRequest): Promise<ClientAnswer | "broken" | "late"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), clientTimeoutMs);
  });
  const answer = send(relay.url, request).catch(() => "broken" as const);
  return await Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

async function compareUsage(at: {
  relay: TestRelay;
  model: string;
  served: { input: number; output: number; requests: number };
  name: string;
}): Promise<string[]> {
  const { rows } = await at.relay.store.usage.summarize({
    since: 0,
    until: Number.MAX_SAFE_INTEGER,
    by: "model",
  });
  const row = rows.find(({ key }) => key === at.model);
  const recorded = {
    input: row?.tokens.input ?? 0,
    output: row?.tokens.output ?? 0,
    requests: row?.requests ?? 0,
  };
  const isSame = (Object.keys(recorded) as (keyof typeof recorded)[]).every(
    (key) => recorded[key] === at.served[key],
  );
  return isSame
    ? []
    : [`${at.name}: recorded ${JSON.stringify(recorded)}, served ${JSON.stringify(at.served)}`];
}

async function closeBoth(relay: TestRelay, upstream: ScriptedUpstream): Promise<void> {
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
