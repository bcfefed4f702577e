import assert from "node:assert/strict";
import { test } from "node:test";
import type { TokenRow } from "../../src/domain/token-store.ts";
import { hashToken, planRefresh, type RefreshRequest } from "../../src/oauth/refresh.ts";

const now = 1_000_000;

function rowWith(change: Partial<TokenRow> = {}): TokenRow {
  return {
    accountId: "a",
    configuredHash: hashToken("configured"),
    refreshToken: "r3",
    accessToken: "t3",
    expiresAt: now + 60_000,
    extras: undefined,
    generation: 3,
    updatedAt: 0,
    exchangeHash: undefined,
    exchangeAt: undefined,
    ...change,
  };
}

function planFor(request: Partial<RefreshRequest>, stored: TokenRow | undefined) {
  const whole: RefreshRequest = {
    accountId: "a",
    configuredToken: "configured",
    known: undefined,
    unsaved: undefined,
    refusedToken: undefined,
    urgent: true,
    ...request,
  };
  const plan = planRefresh(whole, stored, now);
  return plan.kind === "adopt"
    ? { adopt: plan.row.accessToken }
    : {
        exchange: plan.base.refreshToken,
        expected: plan.expected,
        marks: plan.marks,
        brokenOffAt: plan.brokenOffAt,
      };
}

const exchange = (refreshToken: string, expected: number | undefined, more: object = {}) => ({
  exchange: refreshToken,
  expected,
  marks: true,
  brokenOffAt: undefined,
  ...more,
});

test("what is refreshed, and from which row", () => {
  const stored = rowWith();
  const older = rowWith({ generation: 2, refreshToken: "r2", accessToken: "t2" });
  const other = rowWith({ configuredHash: hashToken("other") });
  const newer = rowWith({ generation: 4, refreshToken: "r4", accessToken: "t4" });
  const table: [string, Partial<RefreshRequest>, TokenRow | undefined, unknown][] = [
    ["no row: the configured token", {}, undefined, exchange("configured", undefined)],
    ["the stored token refreshed elsewhere is adopted", { known: older }, stored, { adopt: "t3" }],
    ["nothing new in the store: exchanged", { known: stored }, stored, exchange("r3", 3)],
    [
      "news that has nearly ended is exchanged",
      { known: older },
      rowWith({ expiresAt: now + 9_000 }),
      exchange("r3", 3),
    ],
    [
      "news without an access token is exchanged",
      { known: older },
      rowWith({ accessToken: undefined }),
      exchange("r3", 3),
    ],
    [
      "the refused token is still stored: exchanged",
      { known: stored, refusedToken: "t3" },
      stored,
      exchange("r3", 3),
    ],
    [
      "the refused token was replaced: adopted",
      { known: stored, refusedToken: "t2" },
      stored,
      { adopt: "t3" },
    ],
    [
      "a person changed the file: it wins, the old chain is not marked",
      {},
      other,
      exchange("configured", 3, { marks: false }),
    ],
    [
      "a row that changed its beginning later is newer than this process",
      { known: older },
      other,
      { adopt: "t3" },
    ],
    ["a row removed under us: what we remember", { known: stored }, undefined, exchange("r3", undefined)],
    [
      "a pair that could not be written is newer than the store",
      { known: newer, unsaved: { row: newer, expected: 3 } },
      stored,
      exchange("r4", 3, { marks: false }),
    ],
    [
      "unless the store was changed since",
      { known: older, unsaved: { row: older, expected: 1 } },
      stored,
      { adopt: "t3" },
    ],
    [
      "an exchange that was cut off is known",
      { known: stored },
      rowWith({ exchangeHash: hashToken("r3"), exchangeAt: 77 }),
      exchange("r3", 3, { brokenOffAt: 77 }),
    ],
    [
      "a mark of a token that was replaced since says nothing",
      { known: stored },
      rowWith({ exchangeHash: hashToken("r2"), exchangeAt: 77 }),
      exchange("r3", 3),
    ],
  ];
  for (const [title, request, row, expected] of table)
    assert.deepEqual(planFor(request, row), expected, title);
});
