import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sightFile, watchConfig } from "../../src/config/watch.ts";
import { createManualTime } from "../support/manual-time.ts";
import { until } from "../support/until.ts";

let folder: string;
let file: string;
let seen: number;
let stop: () => void;

const intervalMs = 10;
const settleMs = 5;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cc-relay-watch-"));
  file = join(folder, "config.toml");
  seen = 0;
  stop = () => undefined;
});
afterEach(async () => {
  stop();
  await rm(folder, { recursive: true, force: true });
});

function watch(): void {
  stop = watchConfig(sightFile(file), () => void seen++, { intervalMs, settleMs });
}

async function waitFor(count: number): Promise<void> {
  await until("the change is noticed", () => seen >= count);
  assert.equal(seen, count);
}

/** Long enough for many looks. */
async function expectNothingMore(): Promise<void> {
  const before = seen;
  await sleep(80);
  assert.equal(seen, before);
}

test("a file that nobody touches is quiet", async () => {
  await writeFile(file, "a");
  watch();
  await expectNothingMore();
});

test("a write between the sighting and the watch is noticed", async () => {
  await writeFile(file, "a");
  const sighted = sightFile(file);
  await writeFile(file, "b");
  stop = watchConfig(sighted, () => void seen++, { intervalMs, settleMs });
  await waitFor(1);
  await expectNothingMore();
});

test("a write is noticed once", async () => {
  await writeFile(file, "a");
  watch();
  await writeFile(file, "b");
  await waitFor(1);
  await expectNothingMore();
  await writeFile(file, "c");
  await waitFor(2);
});

test("a change right after the call is noticed: the state at the call counts", async () => {
  await writeFile(file, "a");
  watch();
  await writeFile(file, "bb");
  await waitFor(1);
});

test("a replacement of the same size and age is noticed", async () => {
  await writeFile(file, "a");
  const time = new Date(1_700_000_000_000);
  await utimes(file, time, time);
  watch();
  const other = join(folder, "other");
  await writeFile(other, "b");
  await utimes(other, time, time);
  await rename(other, file);
  await waitFor(1);
});

test("an editor's dance of moving away and writing anew is noticed when the new file is there", async () => {
  await writeFile(file, "a");
  watch();
  await rename(file, `${file}~`);
  await expectNothingMore();
  await writeFile(file, "a");
  await waitFor(1);
  await unlink(`${file}~`);
  await expectNothingMore();
});

test("a file that goes and stays away is quiet", async () => {
  await writeFile(file, "a");
  watch();
  await unlink(file);
  await expectNothingMore();
});

test("a file that stays away for a while is reported once, and again when it was back in between", async () => {
  await writeFile(file, "a");
  let now = 0;
  let looks = 0;
  const gone: number[] = [];
  stop = watchConfig(sightFile(file), () => void seen++, {
    intervalMs: 1,
    settleMs,
    goneMs: 1000,
    onGone: () => gone.push(now),
    monotonic: () => {
      looks++;
      return now;
    },
  });
  const lookTwice = async () => {
    const before = looks;
    await until("it has looked", () => looks >= before + 2);
  };
  await unlink(file);
  await lookTwice();
  now = 999;
  await lookTwice();
  assert.deepEqual(gone, []);
  now = 1000;
  await lookTwice();
  now = 5000;
  await lookTwice();
  assert.deepEqual(gone, [1000]);

  await writeFile(file, "b");
  await waitFor(1);
  await unlink(file);
  await lookTwice();
  assert.deepEqual(gone, [1000]);
  now = 6000;
  await until("it is reported again", () => gone.length === 2);
  assert.deepEqual(gone, [1000, 6000]);
});

test("a file that was not there is noticed when it comes, its folder included", async () => {
  file = join(folder, "later/config.toml");
  watch();
  await expectNothingMore();
  await mkdir(join(folder, "later"));
  await writeFile(file, "a");
  await waitFor(1);
});

test("what a link leads to is watched, and the link itself", async () => {
  await writeFile(join(folder, "one"), "a");
  await writeFile(join(folder, "two"), "a");
  await symlink("one", file);
  watch();
  await appendFile(join(folder, "one"), "b");
  await waitFor(1);
  await symlink("two", join(folder, "link"));
  await rename(join(folder, "link"), file);
  await waitFor(2);
});

test("a file that is still being written is waited for", async () => {
  const { clock, timers, advance } = createManualTime();
  let looks = 0;
  const monotonic = () => {
    looks++;
    return clock.monotonic();
  };
  const lookAfter = async (ms: number) => {
    const before = looks;
    advance(ms);
    await until("it has looked", () => looks > before);
  };
  await writeFile(file, "");
  stop = watchConfig(sightFile(file), () => void seen++, { intervalMs, settleMs, monotonic, timers });
  await lookAfter(intervalMs);
  for (let part = 0; part < 10; part++) {
    await appendFile(file, "part\n");
    await lookAfter(part === 0 ? intervalMs : settleMs);
    assert.equal(seen, 0);
  }
  await lookAfter(settleMs);
  assert.equal(seen, 1);
});

test("after the end of the watch nothing is called", async () => {
  await writeFile(file, "a");
  watch();
  stop();
  await writeFile(file, "b");
  await expectNothingMore();
});
