// Faults in choosing accounts, in their cooldowns, and in what sessions are bound to.

import type { Mutation } from "./mutation.ts";

const cooldown = {
  file: "accounts/cooldown.ts",
  tests: "accounts/cooldown.test.ts accounts/pool.test.ts accounts/pool-refusals.test.ts",
};
const select = { file: "accounts/select.ts", tests: "accounts/select.test.ts" };
const pool = { file: "accounts/pool.ts", tests: "accounts/pool.test.ts accounts/pool-refusals.test.ts" };

export const accountMutations: readonly Mutation[] = [
  // Cooldowns: doubled, too early, never growing, of the wrong scope.
  { ...cooldown, from: "const unknownLimitMs = 60 * second;", to: "const unknownLimitMs = 120 * second;" },
  { ...cooldown, from: "const faultsBeforeCooldown = 3;", to: "const faultsBeforeCooldown = 2;" },
  { ...cooldown, from: "firstMs * 2 ** Math.min(streak - 1, 20)", to: "firstMs * 2 ** Math.min(streak, 20)" },
  {
    ...cooldown,
    from: 'scope: failure.scope === "model" ? modelScope : "",\n        until: failure.until',
    to: 'scope: "",\n        until: failure.until',
  },
  {
    ...cooldown,
    from: "now + growing(2 * second, streak, 60 * second), now + 60 * second)",
    to: "now + growing(2 * second, streak, 60 * second), now + 600 * second)",
  },
  {
    ...cooldown,
    from: "return !isNews && running.until > next.until;",
    to: "return running.until > next.until;",
  },
  {
    ...cooldown,
    from: 'case "server-error":\n      return "fault";',
    to: 'case "server-error":\n      return failure.kind;',
  },
  // The choice.
  {
    ...select,
    from: "one.config.priority > other.config.priority",
    to: "one.config.priority < other.config.priority",
  },
  { ...select, from: "one.lastUsedAt < other.lastUsedAt", to: "one.lastUsedAt > other.lastUsedAt" },
  { ...select, from: "      account.config.enabled &&\n", to: "" },
  { ...select, from: "matchesModel(account.config.models, selection.model) &&", to: "" },
  { ...select, from: "!selection.tried.has(account.config.id)", to: "true" },
  { ...select, from: "if (a.isSecondChoice !== b.isSecondChoice) return b.isSecondChoice;", to: "" },
  {
    ...select,
    from: "cooldown.until - now <= selection.maxWaitMs && canBeWaitedOut(cooldown)",
    to: "cooldown.until - now <= selection.maxWaitMs",
  },
  {
    ...select,
    from: "if (cooldown && !(mayProbe && isProbeDue(cooldown, now))) continue;",
    to: "if (cooldown && !isProbeDue(cooldown, now)) continue;",
  },
  // What the pool learns.
  { ...pool, from: "if (!isBilled) return;", to: "" },
  { ...pool, from: "if (!cooldown || cooldown.since > sentAt) continue;", to: "if (!cooldown) continue;" },
  { ...pool, from: "(running?.kind === failure.kind ? 0 : 1)", to: "1" },
  {
    ...pool,
    from: "const reason = redact(decision.reason, [account.config.secret]);",
    to: "const { reason } = decision;",
  },
  {
    file: "accounts/stored-accounts.ts",
    from: "if (isForgotten || isOfOtherSecret) await forget(account);",
    to: "if (isForgotten) await forget(account);",
    tests: "accounts/pool-settings.test.ts",
  },
  {
    file: "accounts/account.ts",
    from: "return until > now && since <= now + clockSlackMs;",
    to: "return until > now;",
    tests: "accounts/account.test.ts accounts/pool-clock.test.ts",
  },
  {
    file: "accounts/truncations.ts",
    from: "count: beganAt >= at ? count + 1 : count",
    to: "count: count + 1",
    tests: "accounts/truncations.test.ts accounts/pool-truncation.test.ts",
  },
  {
    file: "accounts/cooldown.ts",
    from: "if (refused.length < 2) return [];",
    to: "",
    tests: "accounts/pool-refusals.test.ts relay/refusals.test.ts",
  },
  {
    file: "accounts/slow-start.ts",
    from: "gate = { opened: false, places: 1,",
    to: "gate = { opened: false, places: 100,",
    tests: "accounts/slow-start.test.ts",
  },
  {
    file: "accounts/bindings.ts",
    from: "accountId: known?.accountId ?? accountId,",
    to: "accountId,",
    tests: "accounts/bindings.test.ts",
  },
];
