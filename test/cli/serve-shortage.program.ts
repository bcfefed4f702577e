// A relay with too few file descriptors says so, blames no account, and is itself again when they are back.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { Agent } from "node:http";
import { test } from "node:test";
import { begin, type OpenAnswer, send } from "../support/client.ts";
import { program } from "../support/program.ts";
import { createServeFolder } from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";

test("with 64 descriptors, requests beyond them are answered with 503, and the next ones are served", async (t) => {
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const folder = await createServeFolder(t);
  const account = (id: string) =>
    `[[accounts]]\nid = "${id}"\ntype = "claude-api"\napi_key = "key-of-${id}"\napi_url = "${upstream.url}"\n`;
  await folder.configure(account("a") + account("b"));
  const command = `ulimit -n 64 && exec "${process.execPath}" "${program}" --config "${folder.configFile}" serve`;
  const child = spawn("sh", ["-c", command], { stdio: ["ignore", "ignore", "pipe"], cwd: folder.path });
  t.after(() => child.kill("SIGKILL"));
  let log = "";
  child.stderr.on("data", (chunk) => (log += chunk.toString()));
  const url = await until("it listens", () => /"url":"([^"]+)"/.exec(log)?.[1]);
  const request = {
    path: "/v1/messages",
    headers: ["content-type", "application/json", "anthropic-version", "2023-06-01"],
    body: {
      model: "claude-opus-5-5",
      max_tokens: 9,
      stream: true,
      messages: [{ role: "user", content: "Hi" }],
    },
  };

  // Connections first: where a client's own takes the last descriptor it is closed without an answer.
  const agent = new Agent({ keepAlive: true, maxSockets: 30 });
  t.after(() => agent.destroy());
  await Promise.all(Array.from({ length: 30 }, () => send(url, { path: "/health", agent })));
  upstream.on(() => true, { hang: true });
  const open = Array.from({ length: 30 }, () => begin(url, { ...request, agent }));
  const answers: (OpenAnswer | undefined)[] = [];
  for (const { answer } of open)
    answer.then(
      (head) => answers.push(head),
      () => answers.push(undefined),
    );
  const refused = () => answers.filter((answer) => answer?.header("x-cc-relay-error") === "out_of_resources");
  await until("some are told", () => refused().length > 2);
  for (const answer of refused()) {
    assert.equal(answer?.status, 503);
    assert.ok(Number(answer?.header("retry-after")) > 0);
  }
  for (const one of open) one.abort();

  upstream.on(() => true, {});
  await until("it serves again", async () => {
    const answer = await send(url, request).catch(() => undefined);
    return answer?.status === 200;
  });
  assert.equal(child.exitCode, null);
  const lines = log
    .split("\n")
    .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as { msg: string; status?: number }] : []));
  assert.equal(lines.filter(({ msg }) => msg === "short of resources").length, 1);
  assert.deepEqual(
    lines.filter(({ msg, status }) => msg === "attempt failed" || status === 503),
    [],
  );
  const states = await folder.look((store) => store.accounts.cooldowns());
  assert.deepEqual(states, []);
});
