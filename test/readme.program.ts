// The README's first minute word for word, and its addresses, at a running demo.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { program } from "./support/program.ts";
import { fences, table } from "./support/readme.ts";
import { until } from "./support/until.ts";

let url = "";
let log = "";
let daemon: ReturnType<typeof spawn>;

before(async () => {
  daemon = spawn(process.execPath, [program, "serve", "--demo", "--port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  url = await new Promise<string>((resolve, reject) => {
    daemon.stderr!.on("data", (chunk: Buffer) => {
      log += chunk;
      const found = /"url":"([^"]+)"/.exec(log)?.[1];
      if (found) resolve(found);
    });
    daemon.once("exit", () => reject(new Error(log)));
  });
});
after(async () => {
  daemon.kill("SIGTERM");
  if (daemon.exitCode === null) await new Promise((resolve) => daemon.once("exit", resolve));
});

test("the first minute goes as it says: an answer by the second account, and the move in the log", async () => {
  const command = fences("sh").find((fence) => fence.startsWith("curl"))!;
  const here = command.replace("http://127.0.0.1:3000", url).replace("curl -sN", "curl -sN -D -");
  const { stdout } = await promisify(execFile)("sh", ["-c", here]);
  assert.match(stdout, /^HTTP\/1\.1 200/);
  assert.match(stdout, /x-cc-relay-account: demo-claude-2/);
  assert.match(stdout, /event: message_stop/);
  const findMove = () =>
    log.split("\n").find((line) => line.includes("attempt failed") && line.includes("demo-claude-1"));
  await until("the log says it", () => findMove() !== undefined);
  const move = findMove();
  const { account, failure, reason, next, until: end } = JSON.parse(move!) as Record<string, string>;
  assert.equal(account, "demo-claude-1");
  assert.deepEqual([failure, next], ["rate-limited", "next account"]);
  assert.ok(reason && Date.parse(end!) > Date.now());
});

test("the base URLs of libraries that append less are those that the relay's 404s name", async () => {
  const bases = table("Point your client at it").slice(-3);
  const wrong = ["/gemini/models/m:generateContent", "/gemini/models/m:generateContent", "/messages"];
  for (const [index, [client, base]] of bases.entries()) {
    const answer = await fetch(`${url}${wrong[index]}`, { method: "POST", body: "{}" });
    assert.equal(answer.status, 404, client);
    const named = base!.replace("http://127.0.0.1:3000", url);
    assert.ok((await answer.text()).includes(`use ${named} as the base URL`), client);
  }
});

test("every base URL of its table leads somewhere", async () => {
  const bases = table("Point your client at it")
    .slice(1)
    .map(([, base]) => base!.replace("http://127.0.0.1:3000", ""));
  const tails = [
    "/v1/messages",
    "/v1beta/models/gemini-2.5-pro:generateContent",
    "/responses",
    "/chat/completions",
    "/models/gemini-2.5-pro:generateContent",
    "/models/gemini-2.5-pro:generateContent",
    "/messages",
  ];
  assert.equal(bases.length, tails.length);
  for (const [index, base] of bases.entries()) {
    const answer = await fetch(`${url}${base}${tails[index]}`, {
      method: "POST",
      body: '{"model":"m","messages":[]}',
    });
    assert.notEqual(answer.headers.get("x-cc-relay-error"), "not_found", base);
    await answer.body?.cancel();
  }
});

test("what the demo has written goes with it", async () => {
  const file = /"config":"([^"]+)"/.exec(log)![1]!;
  assert.ok(existsSync(file));
  daemon.kill("SIGTERM");
  await new Promise((resolve) => daemon.once("exit", resolve));
  assert.ok(!existsSync(join(file, "..")));
});
