// Who follows a changing document: how often lines come, and what becomes of those who do not read.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createFollowers, type Followers } from "../../src/live/followers.ts";

interface Fake {
  lines: string[];
  ended: "no" | "ended" | "dropped";
  /** Takes lines again. */
  drain(): void;
  stop(): void;
}

interface Scene {
  followers: Followers;
  /** The document from now on. */
  set(text: string): void;
  renders(): number;
  follow(options?: { reads: boolean }): Fake;
  tick(ms: number): Promise<void>;
}

function setScene(t: TestContext): Scene {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let document = "a";
  let renders = 0;
  const followers = createFollowers({
    async render() {
      renders += 1;
      return document;
    },
    intervalMs: 250,
    stalledMs: 60_000,
    onError: (error) => assert.fail(String(error)),
  });
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    followers,
    set(text) {
      document = text;
      followers.changed();
    },
    renders: () => renders,
    follow({ reads } = { reads: true }) {
      const drains: (() => void)[] = [];
      const fake: Fake = {
        lines: [],
        ended: "no",
        drain: () => {
          for (const callback of drains.splice(0)) callback();
        },
        stop: followers.add({
          write(line) {
            fake.lines.push(line);
            return reads;
          },
          onDrain: (callback) => void drains.push(callback),
          end: () => (fake.ended = "ended"),
          drop: () => (fake.ended = "dropped"),
        }),
      };
      return fake;
    },
    async tick(ms) {
      await settle();
      t.mock.timers.tick(ms);
      await settle();
    },
  };
}

test("a follower gets the document at once, and again when it has changed", async (t) => {
  const scene = setScene(t);
  const one = scene.follow();
  await scene.tick(0);
  assert.deepEqual(one.lines, ["a\n"]);
  await scene.tick(1000);
  scene.set("b");
  await scene.tick(0);
  assert.deepEqual(one.lines, ["a\n", "b\n"]);
});

test("changes within the interval are one line, with the last of them", async (t) => {
  const scene = setScene(t);
  const one = scene.follow();
  await scene.tick(0);
  for (const text of ["b", "c", "d"]) scene.set(text);
  await scene.tick(249);
  assert.deepEqual(one.lines, ["a\n"]);
  await scene.tick(1);
  assert.deepEqual(one.lines, ["a\n", "d\n"]);
});

test("a change that changes nothing is no line, and without followers nothing is rendered", async (t) => {
  const scene = setScene(t);
  scene.set("b");
  await scene.tick(1000);
  assert.equal(scene.renders(), 0);
  const one = scene.follow();
  await scene.tick(1000);
  scene.set("b");
  await scene.tick(1000);
  assert.deepEqual(one.lines, ["b\n"]);
  one.stop();
  const before = scene.renders();
  scene.set("c");
  await scene.tick(1000);
  assert.equal(scene.renders(), before);
});

test("who does not read gets nothing more until it does, then the newest line alone", async (t) => {
  const scene = setScene(t);
  const slow = scene.follow({ reads: false });
  const quick = scene.follow();
  for (let at = 0; at < 50; at += 1) {
    scene.set(`${at}`);
    await scene.tick(250);
  }
  assert.equal(slow.lines.length, 1);
  assert.ok(quick.lines.length >= 50);
  slow.drain();
  await scene.tick(250);
  assert.deepEqual(slow.lines.slice(1), ["49\n"]);
});

test("who reads nothing for too long is dropped, and who is left goes on", async (t) => {
  const scene = setScene(t);
  const slow = scene.follow({ reads: false });
  const quick = scene.follow();
  await scene.tick(0);
  await scene.tick(60_000);
  assert.deepEqual([slow.ended, quick.ended, scene.followers.count], ["dropped", "no", 1]);
  scene.set("b");
  await scene.tick(250);
  assert.equal(quick.lines.at(-1), "b\n");
});

test("when all is over readers get a clean end, and who does not read is dropped", async (t) => {
  const scene = setScene(t);
  const slow = scene.follow({ reads: false });
  const quick = scene.follow();
  await scene.tick(0);
  scene.followers.close();
  assert.deepEqual([slow.ended, quick.ended, scene.followers.count], ["dropped", "ended", 0]);
});
