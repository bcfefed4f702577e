// Nothing of a client's own credential is kept or shown, whatever becomes of its requests: the folder of the database, the log, and
// everything that the relay shows of itself are searched for it, for parts of it and for its plain hashes.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import Database from "better-sqlite3";
import type { AccountConfig } from "../../src/config/config.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { type ClientRequest, send } from "../support/client.ts";
import { type Hosts, ownAccount, ownKeys, ownLogins, secretsIn, startHosts } from "../support/own-logins.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import { until } from "../support/until.ts";

const messages = [{ role: "user", content: "hi" }];
const claude = {
  path: "/v1/messages",
  body: { model: "claude-opus-5-5", stream: true, max_tokens: 9, messages },
};
const responses = {
  path: "/openai/v1/responses",
  body: { model: "gpt-5.6-codex", stream: true, input: "hi" },
};
const contents = [{ role: "user", parts: [{ text: "hi" }] }];
const internal = {
  path: "/v1internal:generateContent",
  body: { model: "gemini-2.5-pro", project: "mine", request: { contents } },
};
const requests: [ClientRequest, readonly string[]][] = [
  [claude, ownLogins.claude],
  [claude, ownKeys.claude],
  [responses, ownLogins.chatgpt],
  [responses, ownKeys.openai],
  [internal, ownLogins.google],
  [{ path: "/v1beta/models/gemini-2.5-pro:generateContent", body: { contents } }, ownKeys.gemini],
];
const secrets = [...new Set(requests.flatMap(([, own]) => secretsIn(own)))];

/** Every provider repeats what it was sent. */
const troubles: ((credential: string) => Behaviour)[] = [
  () => ({}),
  (credential) => ({ status: 401, body: { error: { type: "x", message: `no such token: ${credential}` } } }),
  (credential) => ({ status: 403, body: { error: { type: "x", message: `${credential} is disabled` } } }),
  (credential) => ({ status: 500, body: { error: { type: "x", message: `Bearer ${credential}` } } }),
  (credential) => ({ status: 429, headers: { "retry-after": "900", "x-of": credential }, body: credential }),
  (credential) => ({ status: 302, headers: { location: `http://elsewhere/?key=${credential}` }, body: "" }),
  () => ({ breakOff: { when: "before-headers", how: "rst" } }),
  () => ({ cut: { afterEvents: 2, how: "rst" } }),
];

/** As they are, in parts, coded, and as hashes without a key. */
function tracesOf(secret: string): string[] {
  const coded = (["base64", "base64url", "hex"] as const).map((form) => Buffer.from(secret).toString(form));
  const hashes = ["md5", "sha1", "sha256", "sha512"].flatMap((algorithm) =>
    [secret, `Bearer ${secret}`].flatMap((text) =>
      (["hex", "base64", "base64url"] as const).map((form) =>
        createHash(algorithm).update(text).digest(form).slice(0, 12),
      ),
    ),
  );
  return [secret, secret.slice(-16), ...coded.map((text) => text.replace(/=+$/, "")), ...hashes];
}

describe("the client's own credential", () => {
  let hosts: Hosts;
  let relay: TestRelay | undefined;
  before(async () => {
    hosts = await startHosts();
  });
  afterEach(async () => {
    await relay?.close();
    relay = undefined;
  });
  after(() => hosts.close());

  async function play(accounts: AccountConfig[]): Promise<TestRelay> {
    const running = await startRelay({ accounts, configure: hosts.configure });
    relay = running;
    for (const trouble of troubles) {
      for (const host of hosts.all.values()) {
        host.reset();
        host.on(
          () => true,
          ({ credential }) => trouble(credential),
        );
      }
      for (const [request, own] of requests) {
        const sent = { ...request, headers: [...own, "x-session-id", "s"] };
        await send(running.url, sent).catch(() => "broken off");
      }
    }
    return running;
  }

  /** All that the relay keeps and shows, by its name. */
  async function textsOf({ url, store, config, log }: TestRelay): Promise<Map<string, string>> {
    const texts = new Map<string, string>();
    const records = await store.requests.last({ limit: 500 });
    assert.ok(records.length > 20);
    for (const { id } of records) texts.set(id, JSON.stringify(await store.requests.find(id)));
    for (const path of ["/status", "/metrics"]) texts.set(path, (await send(url, { path })).text);
    texts.set("the log", JSON.stringify(log));
    const folder = dirname(config.server.databasePath);
    for (const name of await readdir(folder)) texts.set(name, await readFile(join(folder, name), "latin1"));
    assert.ok(texts.has("relay.db"));
    return texts;
  }

  const keyed = { claude: "claude-api", openai: "openai-responses", gemini: "gemini-api" } as const;
  const families = ["claude", "openai", "gemini"] as const;
  const places = {
    "with accounts": () =>
      families.flatMap((family) => [
        ownAccount(family, { id: `own-${family}` }),
        testAccount(`keyed-${family}`, keyed[family], hosts.elsewhere.url),
      ]),
    "in pass-through": () => [],
  };
  for (const [place, accounts] of Object.entries(places)) {
    test(`leaves nothing behind ${place}, whatever the provider says`, async () => {
      const running = await play(accounts());
      for (const [name, text] of await textsOf(running)) {
        for (const secret of secrets)
          for (const trace of tracesOf(secret)) assert.ok(!text.includes(trace), `${name}: ${trace}`);
      }
    });
  }

  test("cannot be tried against the hashes in a copy of the database", async () => {
    const running = await play(places["with accounts"]());
    const { databasePath } = running.config.server;
    const kept = await until("the logins are written down", async () => {
      const states = await running.store.accounts.states();
      const hashes = states.flatMap(({ accountId }) => accountId.split(" ").slice(1));
      return hashes.length >= 6 ? hashes : undefined;
    });
    const database = new Database(databasePath, { readonly: true });
    const inside = database.prepare<[], Buffer>("SELECT key FROM login_key").pluck().get()!;
    database.close();
    const beside = await readFile(`${databasePath}.login-key`);
    const hash = (key: Buffer, secret: string) =>
      createHmac("sha256", key).update(secret).digest("hex").slice(0, 16);
    const found = (key: Buffer) => secrets.filter((secret) => kept.includes(hash(key, secret)));
    assert.deepEqual(found(inside), []);
    // Else nothing was proved.
    assert.ok(found(Buffer.concat([inside, beside])).length >= 6);
  });
});
