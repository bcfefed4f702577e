// What holds for every way of speaking to the relay: failover, sessions, aborts, cuts, usage, bytes.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import type { Behaviour, RecordedRequest } from "../support/behaviour.ts";
import { begin, open, send } from "../support/client.ts";
import { createManualTime } from "../support/manual-time.ts";
import { secretsIn } from "../support/own-logins.ts";
import { startRelay, type TestRelay } from "../support/relay.ts";
import { until } from "../support/until.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { accountOf, accountsOf, type DialectCase, leadTo } from "./cases.ts";
import { assertEveryWire, wireCases } from "./every-wire.ts";

export function testDialect(dialect: DialectCase): void {
  describe(dialect.name, () => {
    let upstream: ScriptedUpstream;
    let relay: TestRelay;
    let authorization: AuthorizationServer | undefined;
    let session = 0;
    const extent = dialect.hasAnswersOf === undefined ? "pairs" : "each";

    before(async () => {
      upstream = await startUpstream({ family: dialect.family });
      if (dialect.login) authorization = await startAuthorizationServer();
    });
    after(async () => {
      await relay?.close();
      await upstream.close();
      await authorization?.close();
    });
    beforeEach(async () => {
      await relay?.close();
      upstream.reset();
      relay = await startRelay({
        accounts: accountsOf(dialect, { url: upstream.url, authorization }),
        configure: leadTo(upstream.url, dialect, authorization),
      });
    });

    const of = (id: string) => (request: RecordedRequest) => accountOf(request.credential) === id;
    const nextSession = () => `session-${session++}`;
    /** The client's own login has cooldowns of its own, by its hash. */
    const endCooldowns = async (id: string) => {
      for (const { accountId } of await relay.store.accounts.cooldowns())
        if (accountId.split(" ")[0] === id) await relay.store.accounts.clearCooldowns(accountId);
      await until("the relay has heard of it", async () => {
        const { accounts } = (await send(relay.url, { path: "/status" })).json() as {
          accounts: { id: string }[];
        };
        const account = accounts.find((each) => each.id === id);
        // Of the account, of a model of its, or of a client's login: every cooldown has an end.
        return account !== undefined && !JSON.stringify(account).includes('"until":"');
      });
    };
    const servedBy = () => upstream.requests.map((request) => accountOf(request.credential));
    const lastRow = async () =>
      (await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "account" })).rows;

    for (const stream of [false, true]) {
      const form = stream ? "streamed" : "whole";

      test(`a ${form} answer comes through${dialect.isNative ? " byte for byte" : ""}, and its usage is in the store when it ends`, async () => {
        const request = dialect.request({
          stream,
          headers: ["X-Unknown", "kept", "x-cc-relay-test", "dropped"],
        });
        const answer = await send(relay.url, request);
        assert.equal(answer.status, 200);
        assert.equal(answer.end, "clean");
        assert.equal(answer.header("x-cc-relay-account"), "first");
        const [row] = await lastRow();
        assert.deepEqual(row?.tokens, upstream.total());
        assert.equal(row?.requests, 1);
        const received = upstream.requests[0]!;
        assert.equal(accountOf(received.credential), "first");
        assert.equal(received.headers["x-cc-relay-test"], undefined);
        assert.equal(received.headers["accept-encoding"], "identity");
        if (!dialect.isNative) return;
        assert.equal(received.body.toString(), asSent(String(request.body), dialect));
        assert.equal(received.headers["x-unknown"], "kept");
        assert.deepEqual(answer.body, received.sentBody);
        const direct = await send(upstream.url, {
          ...request,
          path: received.url,
          headers: [...received.rawHeaders],
          body: received.body,
        });
        assert.equal(answer.text.length > 0, true);
        assert.equal(direct.header("content-type"), answer.header("content-type"));
      });

      for (const [failure, behaviour] of Object.entries(dialect.failsOver)) {
        test(`${failure}: the next account answers a ${form} request, and the client sees nothing of it`, async () => {
          upstream.queue(of("first"), behaviour());
          const answer = await send(relay.url, dialect.request({ stream, session: nextSession() }));
          assert.equal(answer.status, 200, answer.text);
          assert.equal(answer.header("x-cc-relay-account"), "second");
          assert.equal(answer.end, "clean");
          assert.deepEqual(servedBy(), ["first", "second"]);
        });
      }

      const broken: Record<string, Behaviour> = {
        "a reset before the body": { breakOff: { when: "before-body", how: "rst" } },
        "a reset before the head": { breakOff: { when: "before-headers", how: "rst" } },
        "a close before the head": { breakOff: { when: "before-headers", how: "fin" } },
        ...(stream
          ? { "a cut before the first event": { cut: { afterEvents: 0, how: "rst" } } }
          : {
              "a cut in the document": { cut: { afterBytes: 20, how: "rst" } },
              "a clean end in the document": { cut: { afterBytes: 20, how: "clean" } },
            }),
      };
      for (const [fault, behaviour] of Object.entries(broken)) {
        test(`${fault}: the next account answers a ${form} request`, async () => {
          upstream.queue(of("first"), behaviour);
          const answer = await send(relay.url, dialect.request({ stream }));
          assert.equal(answer.status, 200, answer.text);
          assert.equal(answer.header("x-cc-relay-account"), "second");
        });
      }

      for (const [failure, behaviour] of Object.entries(dialect.passedOn)) {
        test(`${failure} on a ${form} request is passed on and blames nobody`, async () => {
          upstream.queue(of("first"), behaviour());
          const answer = await send(relay.url, dialect.request({ stream }));
          const scripted = behaviour();
          assert.equal(answer.status, scripted.status);
          if (!dialect.isConverted) assert.deepEqual(answer.json(), scripted.body);
          assert.deepEqual(servedBy(), ["first"]);
          assert.equal(
            (await send(relay.url, dialect.request({ stream }))).header("x-cc-relay-account"),
            "first",
          );
        });
      }
    }

    test("an error as the first event of a stream moves the request to the next account", async () => {
      upstream.queue(of("first"), dialect.firstEventError);
      const answer = await send(relay.url, dialect.request());
      assert.equal(answer.status, 200);
      assert.equal(answer.header("x-cc-relay-account"), "second");
    });

    test("a session stays on its account, is served elsewhere while that is in cooldown, and comes back", async () => {
      const request = dialect.request({ session: nextSession() });
      upstream.queue(of("first"), dialect.limited(Date.now() + 7_200_000));
      await send(relay.url, dialect.request({ session: nextSession() }));
      // The first account is in cooldown: this session begins on the second and stays there when the first is back.
      await send(relay.url, request);
      await endCooldowns("first");
      await send(relay.url, request);
      assert.deepEqual(servedBy(), ["first", "second", "second", "second"]);
      upstream.queue(of("second"), dialect.limited(Date.now() + 7_200_000));
      await send(relay.url, request);
      await send(relay.url, request);
      await endCooldowns("second");
      await send(relay.url, request);
      assert.deepEqual(servedBy().slice(4), ["second", "first", "first", "second"]);
    });

    test("every account at its limit is reported in the API's own form, with the earliest return", async () => {
      upstream.on(of("first"), dialect.limited(Date.now() + 7_200_000));
      upstream.on(of("second"), dialect.limited(Date.now() + 3_600_000));
      for (const attempt of [1, 2]) {
        const answer = await send(relay.url, dialect.request());
        assert.equal(answer.status, dialect.allLimited.status, `attempt ${attempt}: ${answer.text}`);
        assert.match(answer.text.replaceAll(/\s/g, ""), dialect.allLimited.type);
        const seconds = Number(answer.header("retry-after"));
        assert.ok(seconds > 3590 && seconds <= 3602, `retry-after: ${seconds}`);
        assert.equal(answer.header("x-should-retry"), "false");
        assert.equal(answer.header("x-cc-relay-error"), "all_limited");
      }
      assert.equal(upstream.requests.length, 2);
    });

    test("a provider without capacity on every account is passed on, and then reported", async () => {
      upstream.on(() => true, dialect.overloaded());
      const passed = await send(relay.url, dialect.request());
      assert.equal(passed.status, dialect.overCapacity);
      assert.deepEqual(servedBy(), ["first", "second"]);
      const told = await send(relay.url, dialect.request());
      assert.equal(told.status, dialect.overCapacity);
      assert.equal(told.header("x-cc-relay-error"), "over_capacity");
      assert.ok(Number(told.header("retry-after")) <= 4);
    });

    test(`refused credentials never reach the client${dialect.own ? ", but those of its own login" : ""}`, async () => {
      upstream.on(() => true, dialect.unauthorized());
      if (dialect.own) {
        const own = await send(relay.url, dialect.request());
        assert.deepEqual([own.status, own.header("x-cc-relay-error")], [401, undefined]);
        assert.deepEqual(own.json(), dialect.unauthorized().body);
        assert.deepEqual(servedBy(), ["first"]);
        // At its limit it is not asked, and the refusal is the other account's.
        upstream.on(of("first"), dialect.limited(Date.now() + 7_200_000));
        assert.equal((await send(relay.url, dialect.request())).header("x-cc-relay-error"), "all_limited");
        return;
      }
      for (const attempt of [1, 2]) {
        const answer = await send(relay.url, dialect.request());
        assert.equal(answer.status, 503, `attempt ${attempt}: ${answer.text}`);
        assert.equal(answer.header("x-cc-relay-error"), "needs_login");
        assert.equal(answer.header("retry-after"), undefined);
        assert.equal(answer.header("x-should-retry"), "false");
        assert.match(answer.text, /cc-relay accounts list/);
      }
      // A login is refreshed once and asked again.
      assert.equal(upstream.requests.length, dialect.login ? 4 : 2);
    });

    test("a client that leaves takes the upstream's request with it, and is recorded as aborted", async () => {
      upstream.queue(of("first"), { betweenEvents: 50, events: 40 });
      const answer = await open(relay.url, dialect.request());
      await answer.read();
      answer.abort();
      const request = upstream.requests[0]!;
      await request.closed;
      assert.equal(request.aborted, true);
      const row = await until("the request is recorded", async () => (await lastRow())[0]);
      assert.deepEqual([row.requests, row.errors], [1, 0]);
      assert.deepEqual(row.tokens, upstream.total());
    });

    test("a client that leaves before there is an answer takes the upstream's request with it", async () => {
      upstream.queue(of("first"), { hang: true });
      const waiting = begin(relay.url, dialect.request());
      const [request] = await upstream.received(1);
      upstream.queue(of("first"), { hang: true });
      const second = begin(relay.url, dialect.request());
      const requests = await upstream.received(2);
      second.abort();
      await until("the upstream's request is gone", () => requests[1]!.aborted);
      assert.equal(request!.closedAt, undefined);
      waiting.abort();
    });

    for (const how of ["rst", "fin"] as const) {
      test(`an upstream that breaks off (${how}) makes the relay break off, and the usage so far is recorded`, async () => {
        upstream.queue(of("first"), { cut: { afterEvents: 4, how }, events: 10 });
        const answer = await send(relay.url, dialect.request());
        assert.equal(answer.status, 200);
        if (!dialect.isConverted) {
          assert.equal(answer.end, "cut");
          if (dialect.isNative) assert.deepEqual(answer.body, upstream.requests[0]!.sentBody);
        } else {
          assert.match(answer.text, /data: \{"error":/);
          assert.doesNotMatch(answer.text, /\[DONE\]/);
        }
        assert.deepEqual(servedBy(), ["first"]);
        const [row] = await lastRow();
        assert.deepEqual([row?.requests, row?.errors], [1, 1]);
        assert.deepEqual(row?.tokens, upstream.total());
      });
    }

    test("a stream that ends cleanly without its last event is broken off too", async () => {
      upstream.queue(of("first"), { cut: { afterEvents: 4, how: "clean" }, events: 10 });
      const answer = await send(relay.url, dialect.request());
      if (!dialect.isConverted) assert.equal(answer.end, "cut");
      else assert.match(answer.text, /data: \{"error":/);
      assert.equal((await lastRow())[0]?.errors, 1);
    });

    test("a wrong key is refused in the API's own form, and the right one never goes on", async () => {
      await relay.reconfigure((config) => ({ ...config, apiKeys: [{ name: "laptop", key: "relay-key-1" }] }));
      const refused = await send(relay.url, dialect.request({ headers: dialect.keyHeaders("wrong") }));
      assert.equal(refused.status, 401);
      assert.match(refused.text.replaceAll(/\s/g, ""), dialect.wrongKey);
      assert.equal(refused.header("x-should-retry"), "false");
      assert.equal((await send(relay.url, dialect.request())).status, 401);
      const answer = await send(relay.url, dialect.request({ headers: dialect.keyHeaders("relay-key-1") }));
      assert.equal(answer.status, 200);
      assert.ok(!upstream.requests[0]!.rawHeaders.join("\n").includes("relay-key-1"));
      const byClient = await relay.store.usage.summarize({
        since: 0,
        until: Date.now() + 1000,
        by: "client",
      });
      assert.deepEqual(
        byClient.rows.map((row) => row.key),
        ["laptop"],
      );
    });

    test("a named account answers, or nobody does", async () => {
      const named = (id: string) => dialect.request({ headers: ["X-CC-Relay-Account", id] });
      assert.equal((await send(relay.url, named("second"))).header("x-cc-relay-account"), "second");
      const unknown = await send(relay.url, named("nobody"));
      assert.equal(unknown.status, 404);
      assert.equal(unknown.header("x-cc-relay-error"), "unknown_account");
      assert.match(unknown.text, /first, second/);
    });

    test("without an account the client's own credential goes through, and is recorded as pass-through", async () => {
      await relay.reconfigure((config) => ({
        ...config,
        accounts: [],
      }));
      const own = dialect.own ? secretsIn(dialect.own)[0]! : "my-own-key";
      const request = dialect.request({ headers: dialect.own ? [] : dialect.keyHeaders(own) });
      const answer = await send(relay.url, request);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(upstream.requests[0]!.credential, own);
      assert.deepEqual(
        (await lastRow()).map((row) => row.key),
        ["passthrough"],
      );
      upstream.queue(own, dialect.unauthorized());
      const refused = await send(relay.url, request);
      if (!dialect.isConverted) assert.equal(refused.status, dialect.unauthorized().status);
    });

    test("with keys set and no account there is nothing to forward with", async () => {
      await relay.reconfigure((config) => ({ ...config, accounts: [], apiKeys: [{ name: "k", key: "k" }] }));
      const answer = await send(relay.url, dialect.request({ headers: dialect.keyHeaders("k") }));
      assert.equal(answer.status, 503);
      assert.equal(answer.header("x-cc-relay-error"), "no_account");
      assert.match(answer.text, /cc-relay login/);
    });

    test("a good answer comes through in every coding and framing, wherever the network cuts it", async () => {
      await assertEveryWire(dialect, { upstream, relay }, wireCases([0, 100], extent));
    });

    test("nor do pauses of six seconds in the middle of it change a byte, the hold-back's end among them", async (t) => {
      const time = createManualTime();
      const toUpstream = leadTo(upstream.url, dialect, authorization);
      const patient = await startRelay({
        ...time,
        accounts: accountsOf(dialect, { url: upstream.url, authorization }),
        configure: (config) => {
          const { upstream: limits, ...led } = toUpstream(config);
          // As they are unless somebody sets them; tests have shorter ones.
          return { ...led, upstream: { ...limits, firstByteTimeoutMs: 300_000, idleTimeoutMs: 300_000 } };
        },
      });
      t.after(() => patient.close());
      const passing = time.run(250);
      t.after(() => passing.stop());
      const wires = wireCases([6000], extent);
      await assertEveryWire(dialect, { upstream, relay: patient, time }, wires);
    });

    test("what is recorded equals what was served, whatever becomes of the answers", async () => {
      const kinds: Behaviour[] = [
        {},
        { chunking: "byte" },
        { events: 40, cut: { afterEvents: 5, how: "rst" } },
        { events: 40, cut: { afterEvents: 7, how: "fin" } },
        { chunking: "merged" },
        { pings: 3, chunking: "utf8" },
        { newline: "\r\n" },
      ];
      upstream.on(
        () => true,
        (request) => kinds[request.index % kinds.length]!,
      );
      const agentless = async (index: number) =>
        send(
          relay.url,
          dialect.request({ stream: index % 3 > 0, session: `many-${index % 4}`, text: `question ${index}` }),
        ).catch(() => undefined);
      // Each of the seven in each form: two thirds are streams.
      for (let index = 0; index < 21; index += 7) {
        await Promise.all(kinds.map((_, offset) => agentless(index + offset)));
      }
      const { total } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "day" });
      assert.equal(total.requests, 21);
      assert.ok(upstream.served.length >= 21);
      assert.deepEqual(total.tokens, upstream.total());
    });
  });
}

/** The body that the provider gets: the model's name may be another one, and nothing else. */
function asSent(body: string, { sentModel }: DialectCase): string {
  return sentModel === undefined ? body : body.replace(/("model":)"[^"]*"/, `$1"${sentModel}"`);
}
