// Faults in what the relay shows and reports of itself: notices, sums, the live screen, signing in at the page.

import type { Mutation } from "./mutation.ts";

const notices = { file: "notify/notices.ts", tests: "notify/notices.test.ts" };
const follower = { file: "notify/follower.ts", tests: "notify/notices.test.ts" };
const live = { file: "live/activity.ts", tests: "web/status.test.ts" };
const screen = { file: "terminal/full-screen.ts", tests: "terminal/full-screen.program.ts" };
const signIn = { file: "web/sign-in-code.ts", tests: "web/sign-in-code.test.ts" };

export const watchingMutations: readonly Mutation[] = [
  { ...follower, from: "if (now - state.since < waitMs) {", to: "if (waitMs < 0) {" },
  { ...follower, from: "now - last < quietMs) {", to: "now - last < 0) {" },
  { ...follower, from: "      lookAgainAt(last + quietMs);\n", to: "" },
  { ...follower, from: "account ?? family ?? state", to: "account ?? family" },
  { ...follower, from: "if (sent !== undefined) lasting.delete(key);", to: "" },
  { ...notices, from: "return now >= provedAfter && (answeredAt ?? 0) < provedAfter;", to: "return false;" },
  {
    ...notices,
    from: "own.every((account) => !canAnswer(account, now))",
    to: "own.some((account) => !canAnswer(account, now))",
  },
  {
    ...follower,
    from: "{ since: 0, isTold: true, provedAfter",
    to: "{ since: 0, isTold: false, provedAfter",
  },
  { ...live, from: "errors: sums.errors + (outcome", to: "errors: sums.errors + 1 + (outcome" },
  { ...live, from: "return Math.round((sum + costUsd) * 1e9) / 1e9;", to: "return costUsd;" },
  { ...screen, from: 'line === (shown[row] ?? "") ? [] : ', to: "" },
  { ...screen, from: "  const onResize = () => {\n    shown = [];\n", to: "  const onResize = () => {\n" },
  { ...signIn, from: "      await unlink(file);\n      return now", to: "      return now" },
  { ...signIn, from: "if (own !== undefined) yield join(own,", to: "yield join(folder," },
];
