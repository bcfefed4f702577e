// What is recorded equals what was served, to the token, over many requests on WebSockets: whole, moved to the other account, cut by the
// provider, left by the client. `node test/soak/socket-equality.ts [--short] [--creates N]`.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { noTokens, type TokenCounts } from "../../src/usage/observer.ts";
import { type Client, create, type Frame, type SocketStage, startSocketStage } from "../sockets/stage.ts";
import { withCleanups } from "../support/cleanups.ts";
import type { CreateFault, RecordedCreate } from "../support/socket-script.ts";
import { until } from "../support/until.ts";

const { values: flags } = parseArgs({
  options: { short: { type: "boolean" }, creates: { type: "string" } },
});
const creates = Number(flags.creates ?? (flags.short ? 400 : 5000));
const clients = 20;

/** What becomes of every tenth request, in turns. After a silence the client leaves: nothing is on the way then that nobody counts. */
const faults: readonly CreateFault[] = [
  { kind: "close", code: 1011 },
  { kind: "close", code: undefined, after: 1 },
  { kind: "close", code: undefined, after: 5 },
  { kind: "silent", after: 2 },
  { kind: "close", code: 1012, after: 4 },
  { kind: "error", status: 500, error: { type: "server_error", message: "oops" } },
  { kind: "silent", after: 5 },
  { kind: "error", status: 401, error: { code: "invalid_api_key", message: "no" } },
  { kind: "failed", code: "server_error" },
  { kind: "failed", code: "server_error", after: 5 },
  { kind: "error", status: 400, error: { type: "invalid_request_error", message: "bad" } },
  { kind: "binary" },
];

async function run(t: Pick<TestContext, "after">): Promise<void> {
  const stage = await startSocketStage(t, {
    // Who refuses a key for a moment is asked again at once.
    configure: (config) => ({ ...config, session: { ...config.session, unavailableCooldownMs: 20 } }),
  });
  const { script, relay } = stage;
  const load = new Load(stage);
  script.faultOf = (record) => load.faultOf(record);
  const begun = performance.now();
  await Promise.all(Array.from({ length: clients }, (_, number) => load.converse(number)));
  const { total } = await until("every request is recorded", async () => {
    const summary = await relay.store.usage.summarize({ since: 0, until: Date.now() + 60_000, by: "day" });
    return summary.total.requests >= load.sent && summary;
  });
  assert.equal(total.requests, load.sent, "one row for each request");
  assert.deepEqual(total.tokens, sum(script.creates.map(({ usage }) => usage)));
  const errors = relay.log.filter(({ level }) => level === "error");
  assert.deepEqual(errors, []);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stdout.write(
    `${load.sent} requests and ${load.warmUps} warm-ups over WebSocket in ${seconds} s, equal: ${JSON.stringify(load.outcomes)}\n`,
  );
  assert.ok((load.outcomes.moved ?? 0) > creates / 200, "too few have moved");
}

class Load {
  readonly outcomes: Record<string, number> = {};
  sent = 0;
  warmUps = 0;
  readonly #stage: SocketStage;
  readonly #records = new Map<number, RecordedCreate>();

  constructor(stage: SocketStage) {
    this.#stage = stage;
  }

  /** Once each: the other account has a whole answer. */
  faultOf(record: RecordedCreate): CreateFault | undefined {
    const index = Number(/question (\d+)/.exec(record.frame.toString())?.[1]);
    if (this.#records.has(index)) return undefined;
    this.#records.set(index, record);
    return faultAt(index);
  }

  async converse(number: number): Promise<void> {
    let client: Client | undefined;
    let previous: string | undefined;
    while (this.sent < creates) {
      if (client === undefined || client.isClosed) {
        client = await this.#connect(number);
        previous = number % 2 === 0 ? await this.#warmUp(client) : undefined;
      }
      const frames = await this.#ask(client, previous);
      previous = frames.at(-1)?.response?.id;
      client.frames.length = 0;
    }
    client?.socket.terminate();
  }

  /** Both accounts may be out for a moment. */
  #connect(number: number): Promise<Client> {
    return until("an account offers a WebSocket", async () => {
      const connecting = this.#stage.connect({ session: `s${number}` });
      return await connecting.catch(() => sleep(20, undefined));
    });
  }

  async #warmUp(client: Client): Promise<string | undefined> {
    this.warmUps++;
    const frames = await client.ask(create({ generate: false, input: [] }));
    return frames.at(-1)?.response?.id;
  }

  async #ask(client: Client, previous: string | undefined): Promise<Frame[]> {
    const index = this.sent++;
    const input = [{ type: "message", role: "user", content: `question ${index}` }];
    const asked = client.ask(
      create({ input, ...(previous !== undefined && { previous_response_id: previous }) }),
    );
    if (faultAt(index)?.kind === "silent") {
      await until(
        "the provider stops",
        () => client.isClosed || this.#records.get(index)?.outcome === "fault",
      );
      await sleep(30);
      client.socket.terminate();
    }
    const frames = await asked;
    const outcome = outcomeOf(frames);
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
    // What is sent to a socket that is about to close is no request any more.
    if (outcome === "ended" || frames.at(-1)?.headers?.["x-cc-relay-error"] !== undefined)
      await client.closed;
    return outcome === "whole" ? frames : [];
  }
}

function faultAt(index: number): CreateFault | undefined {
  return index % 10 === 9 ? faults[Math.floor(index / 10) % faults.length] : undefined;
}

function outcomeOf(frames: readonly Frame[]): string {
  const last = frames.at(-1);
  if (last?.error?.code === "previous_response_not_found") return "moved";
  switch (last?.type) {
    case "response.completed":
      return "whole";
    case "error":
    case "response.failed":
      return "error";
    default:
      return "ended";
  }
}

function sum(all: readonly TokenCounts[]): TokenCounts {
  const total: TokenCounts = { ...noTokens };
  for (const each of all)
    for (const kind of Object.keys(total) as (keyof TokenCounts)[]) total[kind] += each[kind];
  return total;
}

await withCleanups(run);
