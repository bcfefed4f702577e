// Faults in what is sent to providers, and in how their errors and limits are read.

import type { Mutation } from "./mutation.ts";

const prepare = "upstreams/prepare.test.ts";
const claudeFailures = "upstreams/claude-failures.test.ts upstreams/claude-429.test.ts";
const geminiFailures = "upstreams/gemini-failures.test.ts upstreams/gemini-429.test.ts";
const openaiFailures = "upstreams/openai-failures.test.ts";

export const upstreamMutations: readonly Mutation[] = [
  {
    file: "upstreams/request.ts",
    from: '"client" ? call.clientQuery : call.query;',
    to: '"client" ? call.clientQuery : "";',
    tests: prepare,
  },
  {
    file: "upstreams/request.ts",
    from: 'call.acceptEncoding ?? "identity",',
    to: 'call.acceptEncoding ?? "gzip",',
    tests: prepare,
  },
  {
    file: "upstreams/request.ts",
    from: "...(headers ?? call.headers),",
    to: "...(headers ?? call.headers).slice(2),",
    tests: prepare,
  },
  { file: "upstreams/request.ts", from: "return call.clientCredential;", to: "return [];", tests: prepare },
  {
    file: "upstreams/claude.ts",
    from: 'target.credential.kind === "bearer" ? withBeta(call.headers) : call.headers',
    to: "call.headers",
    tests: prepare,
  },
  {
    file: "network/headers.ts",
    from: "if (isRelayKey(value)) continue;",
    to: "",
    tests: "network/headers.test.ts",
  },
  {
    file: "network/headers.ts",
    from: 'if (lower === "content-length" && !options.bodyUnchanged) continue;',
    to: "",
    tests: "network/headers.test.ts",
  },
  {
    file: "upstreams/code-assist-request.ts",
    from: 'if (call.operation === "generate" && !members.has("project"))',
    to: 'if (!members.has("project"))',
    tests: "upstreams/code-assist-request.test.ts",
  },
  {
    file: "upstreams/code-assist-request.ts",
    from: "if (model) edits.push(dropMember(body, model));",
    to: "",
    tests: "upstreams/code-assist-request.test.ts",
  },
  {
    file: "upstreams/claude-limits.ts",
    from: "clampUntil(Math.max(...ahead), now)",
    to: "clampUntil(Math.min(...ahead), now)",
    tests: `${claudeFailures} upstreams/windows.test.ts`,
  },
  {
    file: "upstreams/claude-limits.ts",
    from: "return /^\\d+[a-z]+$/.test(name);",
    to: "return true;",
    tests: `${claudeFailures} upstreams/windows.test.ts`,
  },
  {
    file: "upstreams/claude-failures.ts",
    from: 'if (extraUsage.test(error.message)) return { kind: "rejected", status: 429, reason };',
    to: "",
    tests: claudeFailures,
  },
  {
    file: "upstreams/claude-failures.ts",
    from: "return isBilled(call.operation)\n",
    to: "return true\n",
    tests: claudeFailures,
  },
  {
    file: "upstreams/gemini-failures.ts",
    from: "until: nextMidnightInLosAngeles(now)",
    to: "until: now + 86_400_000",
    tests: geminiFailures,
  },
  {
    file: "upstreams/gemini-failures.ts",
    from: 'error.namesModel || error.reasons.includes("QUOTA_EXHAUSTED") ? "model" : "account"',
    to: '"account"',
    tests: geminiFailures,
  },
  {
    file: "upstreams/gemini-failures.ts",
    from: "const delay = error.retryDelayMs ?? error.resetDelayMs;",
    to: "const delay = error.resetDelayMs;",
    tests: geminiFailures,
  },
  {
    file: "upstreams/openai-failures.ts",
    from: "resetsAt: resetsAt === undefined ? undefined : resetsAt * 1000,",
    to: "resetsAt,",
    tests: openaiFailures,
  },
  {
    file: "upstreams/openai-failures.ts",
    from: 'return head.status === 403 ? { kind: "model-denied", reason } : { kind: "model-missing", reason };',
    to: 'return { kind: "model-missing", reason };',
    tests: openaiFailures,
  },
  {
    file: "upstreams/openai-limits.ts",
    from: "utilization: Math.max(0, percent) / 100,",
    to: "utilization: Math.max(0, percent),",
    tests: "upstreams/windows.test.ts",
  },
  {
    file: "network/retry-after.ts",
    from: "clampUntil(now + seconds * 1000, now)",
    to: "clampUntil(now + seconds, now)",
    tests: "network/retry-after.test.ts",
  },
  {
    file: "network/retry-after.ts",
    from: "Math.min(Math.max(Math.ceil(until), now), now + maxCooldownMs)",
    to: "Math.max(Math.ceil(until), now)",
    tests: "network/retry-after.test.ts",
  },
  {
    file: "upstreams/client.ts",
    from: "isOfClients(account) ? providerUrls[providerOf(call)] : account.apiUrl",
    to: "account.apiUrl",
    tests: "relay/credentials-stay.test.ts",
  },
  {
    file: "upstreams/client-login.ts",
    from: "maker !== undefined && maker !== family;",
    to: "false;",
    tests: "relay/credentials-stay.test.ts",
  },
  {
    file: "upstreams/client-login.ts",
    from: 'openaiNames.has(name) ? "openai" : makerOf(value)',
    to: "makerOf(value)",
    tests: "upstreams/client-login.test.ts",
  },
  {
    file: "relay/consequences.ts",
    from: 'return isOwn && login === "login" &&',
    to: 'return login === "login" &&',
    tests: "relay/payment-matrix.test.ts",
  },
  {
    file: "accounts/last-resort.ts",
    from: "if (others.every((account) => isOutForLong(account, question))) return candidates;",
    to: "return candidates;",
    tests: "relay/payment-matrix.test.ts",
  },
];
