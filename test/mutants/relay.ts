// Faults in the pipeline: letters changed, retries skipped or repeated, aborts that are not forwarded, usage not written down.

import type { Mutation } from "./mutation.ts";

const everyDialect = "relay/dialect-claude.test.ts";
const timeLimits = { tests: "relay/time-limits.test.ts", only: "is not sent again|and no further" };
const oneAttempt = "relay/account-attempt.test.ts";

export const relayMutations: readonly Mutation[] = [
  {
    file: "relay/response-pipe.ts",
    from: "    let bytes = chunk;\n",
    to: "    let bytes = Buffer.from(chunk);\n    if (bytes.length > 0) bytes[0] = 0x20;\n",
    tests: everyDialect,
    only: "byte for byte",
  },
  {
    file: "relay/response-pipe.ts",
    from: "this.#end(answer.held.length === 1 ? answer.held[0] : Buffer.concat(answer.held));",
    to: "this.#end(answer.held[0]);",
    tests: "relay/same-bytes.test.ts",
    only: "Claude Messages",
  },
  {
    file: "relay/response-pipe.ts",
    from: "    else sink.breakOff();\n",
    to: "    else sink.end();\n",
    tests: everyDialect,
    only: "breaks off|broken off",
  },
  {
    file: "relay/response-pipe.ts",
    from: 'await this.#record("truncated");',
    to: 'await this.#record("complete");',
    tests: "relay/truncation.test.ts",
  },
  {
    file: "relay/attempt.ts",
    from: 'failure: { kind: "aborted" }, answer: undefined });\n    this.#answer.discard();',
    to: 'failure: { kind: "aborted" }, answer: undefined });',
    tests: everyDialect,
    only: "a client that leaves before there is an answer",
  },
  {
    file: "relay/response-pipe.ts",
    from: 'isOurs ? "truncated" : "aborted"',
    to: '"truncated"',
    tests: everyDialect,
    only: "a client that leaves takes",
  },
  {
    file: "relay/account-attempt.ts",
    from: "result.failure.safeToRepeat && !isRepeated",
    to: "result.failure.safeToRepeat && isRepeated",
    tests: oneAttempt,
  },
  { file: "relay/account-attempt.ts", from: "      isRepeated = true;\n", to: "", tests: oneAttempt },
  {
    file: "relay/account-attempt.ts",
    from: 'if (result.failure.kind !== "unauthorized" || isRefreshed) return failed;',
    to: "if (isRefreshed || failed.ok === false) return failed;",
    tests: "relay/dialect-claude-login.test.ts",
    only: "credential",
  },
  {
    file: "relay/after-failure.ts",
    from: "if (isSentOnce(state.call)) throw unansweredError",
    to: "if (false) throw unansweredError",
    ...timeLimits,
  },
  { file: "relay/after-failure.ts", from: "    state.mayBeSentOnceMore();\n", to: "", ...timeLimits },
  {
    file: "relay/after-failure.ts",
    from: "if (routing.pinned !== undefined || hasWaited) return false;",
    to: "if (hasWaited) return false;",
    tests: "relay/wait-in-place.test.ts",
    only: "names its account",
  },
  {
    file: "relay/after-failure.ts",
    from: "if (isRefusal) state.attemptWasRefused();",
    to: "",
    tests: "relay/all-out.test.ts",
    only: "do not count as attempts",
  },
  {
    file: "relay/consequences.ts",
    from: '"rate-limited": { passOn: "never", isRefusal: true },',
    to: '"rate-limited": { passOn: "at-once", isRefusal: true },',
    tests: everyDialect,
    only: "429 with a used-up window",
  },
  {
    file: "relay/consequences.ts",
    from: 'rejected: { passOn: "at-once", isRefusal: false },',
    to: 'rejected: { passOn: "if-none-left", isRefusal: false },',
    tests: everyDialect,
    only: "is passed on and blames nobody",
  },
  {
    file: "relay/failover.ts",
    from: "    await state.routing.bind(account.config.id);\n",
    to: "",
    tests: everyDialect,
    only: "a session stays",
  },
  {
    file: "relay/failover.ts",
    from: "await deps.pool.succeeded(account, state.sentAt(sentAt));",
    to: "",
    tests: "relay/cooldowns.test.ts",
    only: "ends the cooldown for all",
  },
  {
    file: "relay/exhausted-error.ts",
    from: "Math.max(Math.ceil((until - now) / 1000), 1)",
    to: "Math.max(Math.ceil((until - now) / 1000), 120)",
    tests: "relay/all-out.test.ts",
    only: "over by the time",
  },
  {
    file: "relay/record.ts",
    from: "time: receivedAt,\n      client,\n      account: entry.account,",
    to: 'time: receivedAt,\n      client: "",\n      account: entry.account,',
    tests: everyDialect,
    only: "a wrong key is refused",
  },
  {
    file: "relay/record.ts",
    from: "tokens: report?.tokens ?? noTokens,",
    to: "tokens: noTokens,",
    tests: everyDialect,
    only: "byte for byte",
  },
  {
    file: "relay/authenticate.ts",
    from: 'known.has(whole) || known.has(whole.replace(/^\\S+\\s+/, ""))',
    to: "known.has(whole)",
    tests: "relay/relay-keys.test.ts",
  },
  {
    file: "relay/authenticate.ts",
    from: "return found && timingSafeEqual(found.digest, given) ? found.name : undefined;",
    to: "return keys[0]?.name;",
    tests: everyDialect,
    only: "a wrong key is refused",
  },
  {
    file: "relay/read-body.ts",
    from: "if (size > maxBytes) return fail(bodyTooLarge(maxBytes));",
    to: "",
    tests: "relay/large.test.ts",
    only: "Claude Messages: one byte more",
  },
  {
    file: "relay/read-body.ts",
    from: "if (!isWaiting && sinceCheck < stallBytes) fail(bodyTooSlow(limits));",
    to: "",
    tests: "relay/read-body.test.ts",
    only: "dropped after 30 s",
  },
];
