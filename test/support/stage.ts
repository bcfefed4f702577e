// One test's surroundings: a scripted upstream, a relay with accounts on it, and both gone when the test is over.

import type { TestContext } from "node:test";
import type { AccountConfig } from "../../src/config/config.ts";
import type { AccountType } from "../../src/domain/family.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { startRelay, type TestRelay, type TestRelayOptions, testAccount } from "./relay.ts";
import { type ScriptedUpstream, startUpstream } from "./upstream.ts";

export interface Stage {
  upstream: ScriptedUpstream;
  relay: TestRelay;
  /** The ids of the accounts that the upstream's requests came from, in order. */
  servedBy(): string[];
}

export interface StageOptions extends Omit<TestRelayOptions, "accounts"> {
  type?: AccountType;
  /** In order of priority. */
  ids?: readonly string[];
  /** Changes to single accounts. */
  accounts?: (account: AccountConfig) => AccountConfig;
}

export async function setStage(t: Pick<TestContext, "after">, options: StageOptions = {}): Promise<Stage> {
  const { type = "claude-api", ids = ["first", "second"], accounts = (account) => account } = options;
  const upstream = await startUpstream({ family: accountKinds[type].family ?? "claude" });
  t.after(() => upstream.close());
  const relay = await startRelay({
    ...options,
    accounts: ids.map((id, index) =>
      accounts(testAccount(id, type, upstream.url, { priority: 1000 - index })),
    ),
  });
  t.after(() => relay.close());
  const servedBy = () => upstream.requests.map(({ credential }) => credential.replace("key-of-", ""));
  return { upstream, relay, servedBy };
}
