// A throw in one of the relay's own routes costs the request that met it: those beside it are answered, and so is the next one.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { claudeDialect } from "../../src/dialects/claude.ts";
import type { LiveView } from "../../src/live/live.ts";
import { createModelLists } from "../../src/relay/model-lists.ts";
import { startServer } from "../../src/server/server.ts";
import { createPage, type PageOptions } from "../../src/web/page.ts";
import { send } from "../support/client.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";

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

function liveView(faults: Faults): LiveView {
  return {
    async status() {
      faults.strike();
      return {} as Awaited<ReturnType<LiveView["status"]>>;
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
    const { deps } = pipeline;
    const server = await startServer({
      ...{ host: "127.0.0.1", port: 0, version: "0", deps },
      page: createPage({
        ...{ config: deps.config, boundLoopback: true, examine: undefined, now: Date.now },
        store: {} as PageOptions["store"],
        live: liveView(createFaults()),
        assets: { find: async () => asset },
        ...page?.(faults),
      }),
    });
    t.after(() => server.drain(0));
    const url = `http://127.0.0.1:${server.address.port}`;
    const ask = async (from: string) =>
      (await send(url, { method: "GET", path: from }).catch(() => undefined))?.status;
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
