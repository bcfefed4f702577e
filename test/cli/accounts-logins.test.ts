// The clients' own logins in `accounts list`, and what `accounts enable` forgets of them.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Store } from "../../src/store/store.ts";
import { useZone } from "../store/zones.ts";
import { createWorkplace, day, hour, minute, now, type Workplace } from "./workplace.ts";

before(() => useZone("UTC"));
after(() => useZone(undefined));

const toml = `[[accounts]]
type = "client"
id = "own"
family = "claude"
`;

async function seed({ accounts }: Store): Promise<void> {
  const save = (login: string, lastUsedAt: number, utilization: number) =>
    accounts.saveState({
      accountId: `own ${login}`,
      lastUsedAt,
      windows: [{ name: "5h", utilization, resetsAt: now + 2 * hour, status: "allowed" }],
    });
  await save("1a2b000000000000", now - 4 * minute, 0.4);
  await save("3c4d000000000000", now - 3 * day, 1);
  await save("5e6f000000000000", now - 2 * day, 0.1);
  await save("7a8b000000000000", now - 9 * day, 0.1);
  await accounts.saveCooldown({
    accountId: "own 3c4d000000000000",
    scope: "",
    since: now - hour,
    until: now + 2 * hour,
    kind: "rate-limited",
    reason: "the 5h window is used up",
    settings: undefined,
    probedAt: now - hour,
  });
}

describe("clients' own logins in accounts list", () => {
  let place: Workplace;
  before(async () => {
    place = await createWorkplace(toml);
    await place.store(seed);
  });
  after(() => place.close());

  const readLogins = async () => {
    const { stdout } = await place.type("accounts list --json");
    return (JSON.parse(stdout) as { accounts: { state: string; logins: object[] }[] }).accounts[0]!;
  };

  it("are one entry with what is known of each, the last used first, for eight days", async () => {
    const { state, logins } = await readLogins();
    assert.equal(state, "ready");
    const ready = { state: "ready", reason: null, until: null };
    const at = new Date(now + 2 * hour).toISOString().replace(".000", "");
    const window = (utilization: number) => [{ name: "5h", utilization, resets_at: at, status: "allowed" }];
    assert.deepEqual(logins, [
      { hash: "1a2b000000000000", ...ready, windows: window(0.4) },
      { hash: "5e6f000000000000", ...ready, windows: window(0.1) },
      {
        hash: "3c4d000000000000",
        state: "cooldown",
        reason: "the 5h window is used up",
        until: at,
        windows: window(1),
      },
    ]);
  });

  it("are lines under their account for a person: those of today, and those in cooldown", async () => {
    const { stdout } = await place.type("accounts list", { screen: { isTerminal: true, width: 80 } });
    const lines = stdout.split("\n").map((line) => line.trimEnd());
    assert.deepEqual(lines.slice(0, 7), [
      "own (client, priority 100)",
      "  ✓ ready",
      "  ✓ own 1a2b: ready",
      "  5h  ████████░░░░░░░░░░░░   40%  resets in 2h",
      "  ! own 3c4d: in cooldown until 14:00 (in 2h)",
      "    the 5h window is used up",
      "  5h  ████████████████████  100%  resets in 2h",
    ]);
    assert.ok(!stdout.includes("5e6f"));
  });

  it("are rows of their own for a pipe", async () => {
    const { stdout } = await place.type("accounts list", { screen: { isTerminal: false } });
    assert.deepEqual(
      stdout.split("\n").map((line) => line.split("\t")[0]?.trim().split(/ {2,}/)[0]),
      ["own", "own 1a2b", "own 5e6f", "own 3c4d", ""],
    );
  });

  it("are forgotten with their account by accounts enable", async () => {
    const { stderr } = await place.type("accounts enable own");
    assert.match(stderr, /own is ready: its cooldown is over/);
    const { logins } = await readLogins();
    assert.deepEqual(
      (logins as { state: string; windows: object[] }[]).map(({ state, windows }) => [state, windows.length]),
      [
        ["ready", 0],
        ["ready", 0],
        ["ready", 0],
      ],
    );
  });
});
