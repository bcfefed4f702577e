// A relay in a process of its own whose database is damaged after a kill, removed under it, or on a disk that takes no writes.

import assert from "node:assert/strict";
import { closeSync, existsSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { chmod, readFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { cases } from "../relay/cases.ts";
import { startAuthorizationServer } from "../support/authorization-server.ts";
import { send } from "../support/client.ts";
import { claudeAccounts, createServeFolder } from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";

interface Document {
  ok: boolean;
  checks: { name: string; status: string; detail: string; fix: string | null }[];
}

async function setStage(t: TestContext) {
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const folder = await createServeFolder(t);
  await folder.configure(claudeAccounts(upstream.url, ["a"]));
  const ask = async (url: string) => (await send(url, cases.claude.request())).status;
  const doctor = async () => {
    const { checks } = JSON.parse(await folder.run(["doctor", "--offline", "--json"])) as Document;
    return checks.filter(({ name }) => /database/.test(name));
  };
  const requests = () => folder.look(async (store) => (await store.requests.last({ limit: 99 })).length);
  return { upstream, folder, ask, doctor, requests };
}

test("after kill -9 and damage the relay starts, has the usage of before, and doctor says what happened", async (t) => {
  const { folder, ask, doctor, requests } = await setStage(t);
  const first = await folder.start();
  for (let request = 0; request < 3; request++) assert.equal(await ask(first.url), 200);
  first.kill("SIGKILL");
  await first.exited;
  assert.equal(await requests(), 3);
  const file = openSync(folder.database, "r+");
  writeSync(file, Buffer.alloc(100, 0x5a), 0, 100, 0);
  closeSync(file);

  const second = await folder.start();
  assert.equal(await ask(second.url), 200);
  assert.equal(await requests(), 4);
  assert.ok(second.lines().some(({ level, msg }) => level === "error" && /was set aside/.test(String(msg))));
  const aside = readdirSync(folder.path).find((name) => name.startsWith("relay.db.corrupt-"));
  assert.ok(aside !== undefined);
  const found = (await doctor()).find(({ status }) => status === "warn");
  assert.match(
    found?.detail ?? "",
    /was damaged on .* and set aside as .*; carried over: .*usage 3.*; nothing was lost/,
  );
  assert.match(found?.fix ?? "", /run: rm /);
});

test("a folder that is emptied under a relay is filled again within two seconds, and no second relay starts meanwhile", async (t) => {
  const { folder, ask, requests } = await setStage(t);
  const relay = await folder.start();
  assert.equal(await ask(relay.url), 200);
  for (const name of readdirSync(folder.path).filter((name) => name.startsWith("relay.db")))
    rmSync(`${folder.path}/${name}`);
  const removedAt = Date.now();
  const second = folder.spawn();
  await until("the database is there", () => relay.lines().some(({ msg }) => /made anew/.test(String(msg))));
  const ms = Date.now() - removedAt;
  assert.ok(existsSync(folder.database) && ms < 2000, `${ms} ms`);
  assert.equal(await ask(relay.url), 200);
  assert.ok((await requests()) >= 1, "what came since is recorded");
  assert.equal((await second.exited).code, 1);
  assert.match(second.stderr(), /another cc-relay .*already serves the database/);
});

/** As a full disk: no file can be written beyond its first byte. Standard error is a pipe. */
const full = ["prlimit", "--fsize=1:unlimited"];

test("on a full disk the relay serves from memory, with the login's token as long as it lasts, and refreshes nothing", async (t) => {
  const { upstream, folder, doctor } = await setStage(t);
  const authorization = await startAuthorizationServer();
  t.after(() => authorization.close());
  const login = (id: string) =>
    `[[accounts]]\nid = "${id}"\ntype = "claude-oauth"\nrefresh_token = "${authorization.issue(id)}"\napi_url = "${upstream.url}"\n`;
  await folder.configure(
    `[oauth.claude]\ntoken_url = "${authorization.url}/token"\n${login("lasting")}${login("ended")}`,
  );
  const ask = ({ url }: { url: string }, id: string) => {
    const request = cases.claudeLogin.request();
    return send(url, { ...request, headers: [...(request.headers ?? []), "x-cc-relay-account", id] });
  };
  const first = await folder.start();
  assert.equal((await ask(first, "lasting")).status, 200);
  authorization.expiresIn = 1;
  assert.equal((await ask(first, "ended")).status, 200);
  assert.equal(authorization.requests.length, 2);
  first.kill("SIGTERM");
  await first.exited;

  const second = await folder.start([], full);
  const inMemory = second.lines().find(({ msg }) => /kept in memory/.test(String(msg)));
  assert.equal(inMemory?.level, "error");
  assert.equal((await ask(second, "lasting")).status, 200, "the stored access token is used");
  const refused = await until("the other token has ended", async () => {
    const answer = await ask(second, "ended");
    return answer.status === 200 ? undefined : answer;
  });
  assert.match(refused.text, /storage: the login of account ended cannot be used/);
  assert.equal(authorization.requests.length, 2, "nothing was refreshed");
  assert.ok(
    (await doctor()).every(({ status }) => status === "ok"),
    "doctor itself may write",
  );
});

test("others' rights to the configuration and its folder are warned of at the start", async (t) => {
  const { folder } = await setStage(t);
  await chmod(folder.configFile, 0o644);
  await chmod(folder.path, 0o777);
  const relay = await folder.start();
  const warnings = relay.lines().filter(({ level }) => level === "warn");
  assert.ok(warnings.some(({ msg }) => /others can read .*config\.toml/.test(String(msg))));
  assert.ok(warnings.some(({ msg }) => /everybody can put files into/.test(String(msg))));
  assert.ok((await readFile(folder.configFile, "utf8")).length > 0);
});
