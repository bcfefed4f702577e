// Mutated answers and requests, with and without codings: bytes that are flipped, lost, doubled, moved and cut. No client gets a clean
// end without a whole answer, none waits for ever, and the relay lives. `node test/hostile/exchanges.hostile.ts [--short] [--exchanges N] [--seed N]`.

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { accountsOf, cases, type DialectCase } from "../relay/cases.ts";
import { compress, decompress } from "../support/answer-writer.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { type ClientAnswer, send } from "../support/client.ts";
import { startRelay, type TestRelay } from "../support/relay.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { framings, networkCuts } from "../support/wire.ts";

const { values: flags } = parseArgs({
  options: { short: { type: "boolean" }, exchanges: { type: "string" }, seed: { type: "string" } },
});
const exchanges = Number(flags.exchanges ?? (flags.short ? 300 : 100_000));
const random = createRandom(Number(flags.seed ?? 1));
const atOnce = 16;
const codings = [undefined, undefined, "gzip", "deflate", "br", "zstd"] as const;

/** What a change may put between two bytes. */
const insertions = [
  "\n\n",
  "\r",
  "{",
  "}",
  "[",
  '"',
  "\u0000",
  "\\u",
  "data: [DONE]\n\n",
  "event: error\n",
  "<html>",
  '{"error":{"message":"x"}}',
  "null",
  "\ufeff",
];

const { claude, gemini, openai, chat } = cases;
const dialects = [claude, gemini, openai, chat];
/** Nothing here waits for anything: what takes so long hangs. */
const maxExchangeMs = 60_000;
/** What the provider and the log remember is forgotten so often. */
const forgetEvery = 2000;

const faults: string[] = [];
process.on("unhandledRejection", (error) => void faults.push(`unhandled: ${String(error)}`));

for (const dialect of dialects) {
  const upstream = await startUpstream({ family: dialect.family });
  const relay = await startRelay({ accounts: accountsOf(dialect, { url: upstream.url, ids: ["first"] }) });
  const ends = new Map<string, number>();
  const originals = new Map<boolean, Buffer>();
  for (const stream of [true, false]) originals.set(stream, await originalOf(dialect, { upstream, stream }));
  const answers = new Map<string, Behaviour>();
  const expectAll = () => {
    upstream.reset();
    relay.log.length = 0;
    upstream.on(
      () => true,
      ({ body }) => answers.get(/mutated (\d+) /.exec(body.toString("latin1"))?.[1] ?? "") ?? {},
    );
  };
  let left = Math.ceil(exchanges / dialects.length);
  const work = async () => {
    while (left-- > 0) {
      if (left % forgetEvery === 0) expectAll();
      const stage = { upstream, relay, originals, answers };
      const end = await (random(8) === 0 ? exchangeRequest(dialect, stage) : exchange(dialect, stage));
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
  };
  expectAll();
  await Promise.all(Array.from({ length: atOnce }, work));
  // A cooldown of the only account is what it has earned; after it the next ordinary request succeeds.
  await relay.app.reload();
  await relay.store.accounts.clearCooldowns("first");
  await new Promise((resolve) => setTimeout(resolve, 700));
  upstream.reset();
  assert.equal((await send(relay.url, dialect.request())).status, 200, "the next ordinary request");
  await relay.close();
  await upstream.close();
  process.stdout.write(`${dialect.name}: ${[...ends].map(([end, count]) => `${count} ${end}`).join(", ")}\n`);
}
assert.deepEqual(faults, []);

interface Stage {
  upstream: ScriptedUpstream;
  relay: TestRelay;
  originals: ReadonlyMap<boolean, Buffer>;
  /** What the provider gives back to the requests that are under way, by their names. */
  answers: Map<string, Behaviour>;
}

/** The body of a good answer. */
async function originalOf(
  dialect: DialectCase,
  { upstream, stream }: { upstream: ScriptedUpstream; stream: boolean },
): Promise<Buffer> {
  const provider = dialect.isConverted ? claude : dialect;
  const { path, ...request } = provider.request({ stream });
  const asked = path.replace(/^\/(?:gemini|openai)/, "");
  const headers = [...(request.headers ?? []), "x-api-key", "key-of-first"];
  return (await send(upstream.url, { ...request, path: asked, headers })).body;
}

/** The relay passes a mutated request on or refuses it, and answers in every case. */
async function exchangeRequest(dialect: DialectCase, { relay }: Stage): Promise<string> {
  const { body = {}, headers = [], ...request } = dialect.request({ stream: random(2) === 0 });
  const original = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const encoding = codings[random(codings.length)];
  const mutated = mutate(original);
  const coded = encoding === undefined ? mutated : compress(mutated, encoding);
  const answer = await within(
    send(relay.url, {
      ...request,
      body: random(4) === 0 ? mutate(coded) : coded,
      headers: [...headers, ...(encoding ? ["content-encoding", encoding] : [])],
    }),
  );
  assert.ok(!(answer instanceof Error), `a request was broken off: ${String(answer)}`);
  if (answer.status < 300) return "request passed on";
  assert.ok(answer.status >= 400, `status ${answer.status}`);
  assert.match(answer.text, /"error"/);
  return "request refused";
}

/** The error with which the connection broke before an answer's head. Throws when nothing comes. */
async function within(sending: Promise<ClientAnswer>): Promise<ClientAnswer | Error> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), maxExchangeMs);
  const answer = await Promise.race([sending.catch((error: Error) => error), late.promise]);
  clearTimeout(timer);
  if (answer === undefined) throw new Error(`no answer within ${maxExchangeMs / 1000} s`);
  return answer;
}

async function exchange(dialect: DialectCase, { relay, originals, answers }: Stage): Promise<string> {
  const stream = random(2) === 0;
  const encoding = codings[random(codings.length)];
  const mutated = mutate(originals.get(stream)!);
  const coded = encoding === undefined ? mutated : compress(mutated, encoding);
  const body = random(4) === 0 ? mutate(coded) : coded;
  const name = String(random(2 ** 30));
  const behaviour: Behaviour = {
    body,
    headers: {
      "content-type": ["text/event-stream", "application/json", "text/html", undefined][random(4)],
      "content-encoding": encoding,
    },
    wire: { framing: framings[random(3)]!, cut: networkCuts[[0, 1, 2, 4][random(4)]!]!, pauseMs: 0 },
  };
  answers.set(name, behaviour);
  const headers = ["x-cc-relay-account", "first", ...(encoding ? ["accept-encoding", encoding] : [])];
  const request = dialect.request({ stream, text: `mutated ${name} `, session: name, headers });
  const answer = await within(send(relay.url, request)).catch((error: Error) => {
    const sent = { ...behaviour, body: body.toString("base64"), stream, dialect: dialect.name };
    throw new Error(`${error.message}: ${JSON.stringify(sent)}`);
  });
  answers.delete(name);
  if (answer instanceof Error) return "connections broken";
  if (answer.status !== 200) {
    assert.ok(answer.status >= 400, `status ${answer.status}`);
    assert.match(answer.text, /"error"/);
    return "refused";
  }
  if (answer.end === "cut") return "cut";
  await assertWhole(answer, { dialect, stream, sent: body });
  return "whole";
}

interface Sent {
  dialect: DialectCase;
  stream: boolean;
  sent: Buffer;
}

/** What ended cleanly is a whole answer of its API: its terminal event is there, or its document closes. */
async function assertWhole(answer: ClientAnswer, { dialect, stream, sent }: Sent): Promise<void> {
  const encoding = answer.header("content-encoding");
  const decoded = await decompress(answer.body, encoding).catch(() => undefined);
  // A coding that was broken under way goes to its client as it came, and fails there.
  if (decoded === undefined) return assert.equal(dialect.isConverted, false);
  const text = decoded.toString();
  if (dialect.isConverted) {
    if (stream) assert.match(text, /data: \[DONE\]\n\n$/);
    else assert.equal((JSON.parse(text) as { object?: unknown }).object, "chat.completion");
    return;
  }
  assert.deepEqual(answer.body, sent);
  const ending =
    /message_stop|response\.(?:completed|incomplete|failed)|finishReason|blockReason|"error"|event: error/;
  if (!/^\s*\{/.test(text)) return assert.match(text, ending);
  assert.match(text.trimEnd(), /[}\]]$|\}/);
}

/** One to three changes of the kinds that broken disks, proxies and people make. */
function mutate(bytes: Buffer): Buffer {
  let changed = Buffer.from(bytes);
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const at = random(changed.length + 1);
    const length = random(Math.min(64, changed.length - at + 1));
    const [head, piece, tail] = [
      changed.subarray(0, at),
      changed.subarray(at, at + length),
      changed.subarray(at + length),
    ];
    switch (random(6)) {
      case 0:
        if (changed.length > 0) changed[Math.min(at, changed.length - 1)]! ^= 1 << random(8);
        break;
      case 1:
        changed = Buffer.concat([head, tail]);
        break;
      case 2:
        changed = Buffer.concat([head, piece, piece, tail]);
        break;
      case 3:
        changed = Buffer.from(head);
        break;
      case 4:
        changed = Buffer.concat([head, Buffer.from(insertions[random(insertions.length)]!), piece, tail]);
        break;
      case 5:
        changed = Buffer.concat([tail, piece, head]);
        break;
    }
  }
  return changed;
}

/** Numbers that a seed repeats (Park and Miller). */
function createRandom(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}
