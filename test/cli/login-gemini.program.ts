// Logging in to Gemini: after the login Google is asked for the project, and its refusals are shown as they come.

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { startConnectProxy } from "../support/proxies.ts";
import {
  type Answer,
  agreeAt,
  createLoginPlace,
  type LoginCall,
  type LoginPlace,
  oauthToml,
  waiting,
} from "./login-support.ts";
import { listen } from "./support.ts";

interface Seen {
  method: string;
  project: string | undefined;
}

let server: AuthorizationServer;
let google: Awaited<ReturnType<typeof listen>>;
let place: LoginPlace;
let database: string;
let seen: Seen[];
/** What Code Assist answers to a client that names this project; undefined: nothing, for as long as one waits. */
let answerFor: (project: string | undefined) => [status: number, body: unknown] | undefined;
let before: string;

beforeEach(async () => {
  server = await startAuthorizationServer();
  seen = [];
  answerFor = () => [200, { currentTier: { id: "standard-tier" }, cloudaicompanionProject: "theirs" }];
  google = await listen(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const { cloudaicompanionProject: project } = JSON.parse(text) as { cloudaicompanionProject?: string };
    seen.push({ method: request.url?.split(":").at(-1) ?? "", project });
    const answer = answerFor(project);
    if (answer === undefined) return;
    response.writeHead(answer[0], { "content-type": "application/json" }).end(JSON.stringify(answer[1]));
  });
  before = `${oauthToml(server)}
[[accounts]]
id = "work"
type = "gemini"
refresh_token = "1//0old"
api_url = "http://127.0.0.1:${google.port}"
`;
  place = await createLoginPlace(before);
  database = join(place.folder, "data", "relay.db");
});
afterEach(async () => {
  await place.close();
  await google.close();
  await server.close();
});

const desktop = { DISPLAY: ":0" };
const login = (line: string, call: LoginCall = {}) =>
  place.login(`gemini ${line}`, {
    env: desktop,
    browser: async (url) => void (await agreeAt(url)),
    ...call,
  });
const stored = () => place.store(database, ({ tokens }) => tokens.load("work"));
const newToken = () => /^refresh_token = "(.*)"$/m.exec(place.text())?.[1] ?? "";

/** Google serves everybody who has a project of their own. */
const wantsProject = (): [number, unknown] => [200, { currentTier: { id: "standard-tier" } }];

describe("a Google login", () => {
  it("is kept together with the project that Google names", async () => {
    const { stderr, code } = await login("--id work --yes");
    assert.equal(code, 0);
    assert.equal(
      stderr.slice(stderr.indexOf("✓")),
      `✓ work is refreshed: gemini, person@example.com
  written to ${place.configFile}
  no relay is running
  - to start it, run: cc-relay serve
`,
    );
    assert.equal(place.text(), before.replace("1//0old", newToken()));
    assert.equal((await stored())?.extras?.project, "theirs");
    assert.deepEqual(seen, [{ method: "loadCodeAssist", project: undefined }]);
  });

  it("shows its terms and the choice of its own", async () => {
    const answers: Answer[] = ["Google account, by OAuth", false];
    const { questions, stderr } = await login("", { answers });
    assert.deepEqual(questions, [
      "How do you log in? API key | Google account, by OAuth",
      "Do these terms fit your use?",
    ]);
    assert.match(
      stderr,
      /^Before you log in to Google with OAuth:\n {2}1\. Since June 2026 .*\n {2}2\. .*\n {2}3\. /,
    );
    assert.match(stderr, /\n {2}- to use an API key instead, run: cc-relay login gemini --api-key\n/);
  });

  it("that Google does not serve is reported in Google's words, and nothing is written", async () => {
    const reasonMessage = "This client is no longer supported for Gemini Code Assist for individuals.";
    answerFor = () => [200, { ineligibleTiers: [{ reasonCode: "UNSUPPORTED_CLIENT", reasonMessage }] }];
    const { stderr, code } = await login("--id work --yes");
    assert.deepEqual(
      [stderr.slice(stderr.indexOf("✗")), code],
      [
        `✗ Google does not serve this login with Code Assist
  This client is no longer supported for Gemini Code Assist for individuals [UNSUPPORTED_CLIENT]
  - an API key works instead; to add one, run: cc-relay login gemini --api-key
`,
        1,
      ],
    );
    assert.equal(place.text(), before);
    assert.equal(existsSync(database), false);
  });

  it("that wants a project of one's own asks for it, tries it, and writes it down", async () => {
    answerFor = wantsProject;
    const answers: Answer[] = [true, true, waiting, "123456", "my-project"];
    const { questions, code } = await login("--id work", { answers });
    assert.equal(code, 0);
    assert.deepEqual(questions.slice(3), [
      "Id of the project",
      "! It is a project's number, and its id is wanted",
    ]);
    assert.deepEqual(
      seen.map(({ project }) => project),
      [undefined, "my-project"],
    );
    assert.equal(place.text(), `${before.replace("1//0old", newToken())}project = "my-project"\n`);
  });

  it("that wants a project names the flag in a pipe", async () => {
    answerFor = wantsProject;
    const { stderr, code } = await login("--id work --yes");
    assert.deepEqual(
      [stderr.slice(stderr.indexOf("✗")), code],
      [
        "✗ Google wants a Cloud project of your own for this login\n" +
          "  - name it with --project my-project-1, or in the variable GOOGLE_CLOUD_PROJECT\n",
        2,
      ],
    );
    assert.equal(place.text(), before);
  });

  it("takes the project from the flag, else from Gemini CLI's variable", async () => {
    answerFor = wantsProject;
    await login("--id work --yes --project flag-project");
    assert.match(place.text(), /^project = "flag-project"$/m);
    writeFileSync(place.configFile, before);
    const env = { ...desktop, GOOGLE_CLOUD_PROJECT: "variable-project" };
    await login("--id work --yes", { env });
    assert.match(place.text(), /^project = "variable-project"$/m);
  });

  it("writes no project that Google names by itself", async () => {
    const env = { ...desktop, GOOGLE_CLOUD_PROJECT: "unused" };
    await login("--id work --yes", { env });
    assert.doesNotMatch(place.text(), /^project/m);
    assert.equal((await stored())?.extras?.project, "theirs");
  });

  it("is kept although nobody answers for the project: it is searched for at first use", async () => {
    answerFor = () => [503, { error: { code: 503, message: "Try again" } }];
    const { stderr, code } = await login("--id work --yes");
    assert.equal(code, 0);
    assert.match(
      stderr,
      /\n! the project is not known yet: Google answered 503 \(Try again\)\n✓ work is refreshed/,
    );
    assert.equal((await stored())?.extras?.project, undefined);
  });

  it("of a new account asks Code Assist itself, through the account's own proxy", async () => {
    // Nobody listens there on this machine.
    const proxy = await startConnectProxy({ resolve: () => "127.0.0.1" });
    try {
      const { stderr, code } = await login(`--yes --proxy http://127.0.0.1:${proxy.port}`);
      assert.equal(code, 0);
      assert.match(stderr, /\n! the project is not known yet: .*\n✓ gemini is added: gemini,/);
      assert.deepEqual(proxy.targets, [`127.0.0.1:${server.port}`, "cloudcode-pa.googleapis.com:443"]);
    } finally {
      await proxy.close();
    }
  });

  it("can be abandoned while Google is slow", async () => {
    answerFor = () => {
      process.kill(process.pid, "SIGINT");
      return undefined;
    };
    const { stderr, signal } = await login("--id work --yes");
    assert.equal(signal, "SIGINT");
    assert.ok(stderr.endsWith("✗ the login was cancelled\n"));
    assert.equal(place.text(), before);
    assert.equal(existsSync(database), false);
  });
});
