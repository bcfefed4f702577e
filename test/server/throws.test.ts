// A throw in one of the relay's own routes costs the request that met it: those beside it are answered, and so is the next one.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { claudeDialect } from "../../src/dialects/claude.ts";
import { createFollowers } from "../../src/live/followers.ts";
import type { LiveView } from "../../src/live/live.ts";
import type { RelayDeps } from "../../src/relay/exchange.ts";
import { createModelLists } from "../../src/relay/model-lists.ts";
import { startServer } from "../../src/server/server.ts";
import { noTokens } from "../../src/usage/observer.ts";
import { createPage, type PageOptions } from "../../src/web/page.ts";
import { createCode } from "../../src/web/sign-in-code.ts";
import { open, send } from "../support/client.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { signInWith } from "../web/sign-in.ts";

const atOnce = 24;
const every = 4;

/** Throws at every fourth call. */
function createFaults() {
  let calls = 0;
  return {
    thrown: 0,
    strike() {
      if (++calls % every !== 0) return;
      this.thrown++;
      throw new Error("injected");
    },
  };
}

type Faults = ReturnType<typeof createFaults>;

interface Route {
  path: string;
  page?(faults: Faults): Partial<PageOptions>;
  inject?(t: TestContext, faults: Faults, pipeline: Pipeline): void;
}

const asset = { contentType: "text/html; charset=utf-8", body: Buffer.from("<p>") };

const routes: Record<string, Route> = {
  "/health": {
    path: "/health",
    inject: (_, faults, { deps }) => {
      const { now } = deps;
      deps.now = () => {
        faults.strike();
        return now();
      };
    },
  },
  "/metrics": {
    path: "/metrics",
    inject: (t, faults, { deps }) => {
      const { render } = deps.metrics;
      t.mock.method(deps.metrics, "render", () => {
        faults.strike();
        return render();
      });
    },
  },
  "/status": { path: "/status", page: (faults) => ({ live: liveView(faults) }) },
  "/ui": {
    path: "/ui",
    page: (faults) => ({
      assets: {
        async find() {
          faults.strike();
          return asset;
        },
      },
    }),
  },
  ...dataRoutes(),
  "a list of models": {
    path: "/v1/models",
    inject: (t, faults, { deps }) => {
      deps.models = createModelLists();
      const merge = claudeDialect.mergeModels!;
      t.mock.method(claudeDialect as Required<typeof claudeDialect>, "mergeModels", (lists: Buffer[]) => {
        faults.strike();
        return merge(lists);
      });
    },
  },
  "the lists that are kept": {
    path: "/v1/models",
    inject: (_, faults, { deps }) => {
      const lists = createModelLists();
      deps.models = {
        ...lists,
        get(...asked) {
          faults.strike();
          return lists.get(...asked);
        },
      };
    },
  },
};

/** What the page reads with its cookie. */
function dataRoutes(): Record<string, Route> {
  const rows = async (faults: Faults) => {
    faults.strike();
    return [];
  };
  const store = (faults: Faults) =>
    ({
      requests: { last: () => rows(faults) },
      usage: {
        async summarize({ since, until }: { since: number; until: number }) {
          // The whole week, not each of its steps.
          if (until - since > 6 * 86_400_000) faults.strike();
          return { rows: [], total: { key: "", requests: 0, errors: 0, tokens: noTokens } };
        },
      },
    }) as unknown as PageOptions["store"];
  const examine = (faults: Faults) => async () => {
    faults.strike();
    return { ok: true, checked_at: "", checks: [] };
  };
  return {
    "the page's usage": { path: "/ui/data/usage", page: (faults) => ({ store: store(faults) }) },
    "the page's figures": { path: "/ui/data/usage.csv", page: (faults) => ({ store: store(faults) }) },
    "the page's requests": { path: "/ui/data/requests", page: (faults) => ({ store: store(faults) }) },
    "a request on the page": {
      path: "/ui/data/requests/one",
      page: (faults) => ({ live: liveView(faults) }),
    },
    "the page's checks": { path: "/ui/data/doctor", page: (faults) => ({ examine: examine(faults) }) },
  };
}

function liveView(faults: Faults): LiveView {
  return {
    async status() {
      faults.strike();
      return { running: [{ id: "one" }] } as Awaited<ReturnType<LiveView["status"]>>;
    },
    followers: { count: 0 } as LiveView["followers"],
    close() {},
  };
}

for (const [name, { path, page, inject }] of Object.entries(routes)) {
  test(`throws now and then in ${name}: as many requests are lost, and no other notices`, async (t) => {
    const pipeline = await startPipeline(t, ["a"]);
    const faults = createFaults();
    inject?.(t, faults, pipeline);
    const { url, databasePath } = await serve(t, pipeline.deps, page?.(faults));
    const headers = path.startsWith("/ui/data/")
      ? await signInWith(url, await createCode(databasePath, Date.now()))
      : [];
    const ask = async (from: string) =>
      (await send(url, { method: "GET", path: from, headers }).catch(() => undefined))?.status;
    const statuses = await Promise.all(
      Array.from({ length: atOnce }, (_, index) => ask(index % 3 === 2 ? "/" : path)),
    );
    assert.ok(faults.thrown > 0, "nothing was thrown");
    const lost = statuses.filter((status) => status !== 200);
    assert.ok(lost.length <= faults.thrown, `${statuses} with ${faults.thrown} throws`);
    for (const status of lost) assert.ok(status === 500 || status === undefined, String(status));
    const next = await Promise.all(Array.from({ length: every }, () => ask(path)));
    assert.ok(next.filter((status) => status === 200).length >= every - 2, String(next));
  });
}

test("throws now and then in /status?follow: every follower stays, and gets what it missed", {
  timeout: 20_000,
}, async (t) => {
  const { deps } = await startPipeline(t, ["a"]);
  const faults = createFaults();
  let document = 0;
  const followers = createFollowers({
    render() {
      faults.strike();
      return String(document);
    },
    ...{ intervalMs: 1, stalledMs: 60_000, onError() {} },
  });
  t.after(() => followers.close());
  const { url } = await serve(t, deps, { live: { ...liveView(createFaults()), followers } });
  const following = await Promise.all(
    Array.from({ length: 8 }, () => open(url, { method: "GET", path: "/status?follow" })),
  );
  // Of every four changes one meets a throw, whichever is the last.
  for (let last = 1; last <= every; last++) {
    document = last;
    followers.changed();
    for (const answer of following) await answer.readUntil(`${last}\n`);
    assert.equal((await send(url, { method: "GET", path: "/" })).status, 200);
  }
  assert.ok(faults.thrown > 0);
  assert.equal(followers.count, following.length);
});

async function serve(t: TestContext, deps: RelayDeps, some: Partial<PageOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-"));
  t.after(() => rm(folder, { recursive: true }));
  const config = deps.config();
  const databasePath = join(folder, "relay.db");
  const server = await startServer({
    ...{ host: "127.0.0.1", port: 0, version: "0", deps },
    page: createPage({
      config: () => ({ ...config, server: { ...config.server, databasePath } }),
      ...{ boundLoopback: true, examine: undefined, now: Date.now },
      store: {} as PageOptions["store"],
      live: liveView(createFaults()),
      assets: { find: async () => asset },
      ...some,
    }),
  });
  t.after(() => server.drain(0));
  return { url: `http://127.0.0.1:${server.address.port}`, databasePath };
}
