// A throw anywhere costs the connection that met it: the process lives, the connections beside it do not notice, and the next one is
// served.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { openaiDialect } from "../../src/dialects/openai.ts";
import { openaiUpstream } from "../../src/upstreams/openai.ts";
import { openaiSocket } from "../../src/upstreams/openai-frames.ts";
import { until } from "../support/until.ts";
import {
  type Client,
  continuing,
  create,
  rowsOf,
  type SocketStage,
  startSocketStage,
  typesOf,
} from "./stage.ts";

const fault = () => {
  throw new Error("injected");
};

interface Seam {
  throwAt(t: TestContext): { restore(): void; callCount(): number };
  /** Before the connections are opened, or while they are open. */
  when?: "opening";
  prepare?(stage: SocketStage): void;
  /** It is caught where it happens, and the request succeeds all the same. */
  isHarmless?: boolean;
}

const mocked = (t: TestContext, target: object, name: string) =>
  t.mock.method(target as Record<string, () => void>, name, fault).mock;

const seams: Record<string, Seam> = {
  "reading a provider's frame": { throwAt: (t) => mocked(t, openaiSocket, "readFrame") },
  "reading a provider's limits": {
    throwAt: (t) => mocked(t, openaiSocket, "readWindows"),
    prepare: ({ script }) => {
      script.limits = { plan_type: "plus", rate_limits: { primary: { used_percent: 1 }, secondary: null } };
    },
  },
  "observing an answer": { throwAt: (t) => mocked(t, openaiSocket, "observe"), isHarmless: true },
  "reading a request": { throwAt: (t) => mocked(t, openaiDialect, "read") },
  "preparing the upgrade": { throwAt: (t) => mocked(t, openaiUpstream, "prepare"), when: "opening" },
  "dropping headers of the upgrade": {
    throwAt: (t) => mocked(t, openaiUpstream, "isAccountHeader"),
    when: "opening",
    prepare: ({ script }) => {
      script.headers = { "openai-model": "gpt-5.6" };
    },
  },
  "reading why an upgrade was refused": {
    throwAt: (t) => mocked(t, openaiUpstream, "readFailure"),
    when: "opening",
    prepare: ({ script }) => {
      script.refuseAll({ status: 500, body: {} });
    },
  },
};

for (const [name, seam] of Object.entries(seams)) {
  test(`a throw while ${name} costs that connection only`, async (t) => {
    const clock = { now: Date.now() };
    const stage = await startSocketStage(t, { now: () => clock.now });
    const { connect, refused } = stage;
    seam.prepare?.(stage);
    if (seam.when === "opening") {
      const injected = seam.throwAt(t);
      const statuses = await Promise.all([1, 2, 3].map(() => refused().then(({ status }) => status)));
      assert.deepEqual(statuses, [426, 426, 426]);
      assert.ok(injected.callCount() > 0, "nothing was thrown");
      injected.restore();
    } else {
      const clients = await Promise.all([1, 2, 3, 4].map(() => connect()));
      const injected = seam.throwAt(t);
      const answers = await Promise.all(clients.map((client) => endOf(client)));
      assert.ok(injected.callCount() > 0, "nothing was thrown");
      injected.restore();
      for (const end of answers) assert.equal(end === "response.completed", seam.isHarmless === true, end);
    }
    await until("nothing is left open at the provider", () => seam.isHarmless || stage.script.open === 0);
    stage.script.limits = undefined;
    stage.script.refuseAll(undefined);
    // Three faults in a row are a cooldown.
    clock.now += 600_000;
    await assertServed(stage);
  });
}

/** The type of the last frame, or that the connection was closed. */
async function endOf(client: Client): Promise<string> {
  const frames = await client.ask();
  return client.isClosed ? "closed" : (typesOf(frames).at(-1) ?? "nothing");
}

async function assertServed(stage: SocketStage): Promise<void> {
  const next = await stage.connect();
  const frames = await next.ask();
  assert.equal(typesOf(frames).at(-1), "response.completed");
  assert.equal(typesOf(await next.ask(continuing(frames))).at(-1), "response.completed");
  await until("both are recorded", async () => {
    const last = (await rowsOf(stage)).slice(-2);
    return last.length === 2 && last.every(({ outcome }) => outcome === "complete");
  });
}

test("connections beside one that meets a fault are served as ever", async (t) => {
  const { connect } = await startSocketStage(t);
  const clients = await Promise.all(Array.from({ length: 10 }, () => connect()));
  const readFrame = openaiSocket.readFrame;
  let frames = 0;
  // Every fortieth frame of all: some answers meet it, others do not.
  t.mock.method(openaiSocket, "readFrame", (frame: Buffer) =>
    ++frames % 40 === 0 ? fault() : readFrame(frame),
  );
  const rounds = await Promise.all(clients.map((client) => client.ask(create())));
  const done = rounds.filter((answer) => typesOf(answer).at(-1) === "response.completed");
  assert.ok(done.length > 0 && done.length < rounds.length, `${done.length} of ${rounds.length}`);
});
