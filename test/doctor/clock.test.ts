import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkClock } from "../../src/doctor/clock.ts";
import { fixText } from "../../src/domain/errors.ts";

const now = Date.UTC(2026, 10, 22, 12);

/** @param offsets our clock less each provider's, in seconds. */
function check(offsets: readonly number[], platform: NodeJS.Platform = "linux"): string | undefined {
  const readings = offsets.map((offset, index) => ({
    host: `host-${index}`,
    theirs: now - offset * 1000,
    ours: now,
  }));
  const found = checkClock(readings, platform);
  return (
    found && `${found.status}: ${found.detail}${found.fix === undefined ? "" : ` -> ${fixText(found.fix)}`}`
  );
}

describe("the clock", () => {
  const fix = "to set it, run: sudo timedatectl set-ntp true";
  const cases: [string, readonly number[], string | undefined][] = [
    ["is not classified when no provider has answered", [], undefined],
    ["is right within what a Date header can tell", [1], "ok: right, says host-0"],
    ["is fine when it is some seconds off", [-40], "ok: 40s behind host-0"],
    ["is fine just below two minutes", [119], "ok: 1m 59s ahead of host-0"],
    ["is a warning from two minutes on", [120], `warn: 2m ahead of host-0 -> ${fix}`],
    ["is a warning just below five minutes", [-299], `warn: 5m behind host-0 -> ${fix}`],
    ["has failed from five minutes on", [300], `fail: 5m ahead of host-0 -> ${fix}`],
    ["has failed at ten minutes", [-600.4], `fail: 10m behind host-0 -> ${fix}`],
    ["is right when one of three providers' is wrong", [900, 1, -1], "ok: right, says host-2"],
    ["is right when one of two providers' is wrong", [0, 900], "ok: right, says host-0"],
    ["is wrong when most say so", [600, 601, 0], `fail: 10m ahead of host-0 -> ${fix}`],
  ];
  for (const [title, offsets, expected] of cases) {
    it(title, () => assert.equal(check(offsets), expected));
  }

  it("is set in another way on every system", () => {
    assert.match(check([600], "darwin") ?? "", /run: sudo sntp -sS time\.apple\.com$/);
    assert.match(check([600], "win32") ?? "", /run: w32tm \/resync$/);
  });
});
