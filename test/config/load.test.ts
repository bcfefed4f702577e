import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { describeWarning } from "../../src/config/config.ts";
import { loadConfig, readConfig } from "../../src/config/load.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { defaultConfig } from "../support/default-config.ts";
import { fakeEnvironment, messageOf, read } from "./support.ts";

const account = (rest: string, type = "claude-api", secret = 'api_key = "K"') =>
  read(`[[accounts]]\ntype = "${type}"\nid = "a"\n${secret}\n${rest}\n`).accounts[0]!;

describe("the spelling of api_url", () => {
  const token = 'refresh_token = "T"';
  const cases: [string, string, string, string?][] = [
    ["claude-api", "https://api.anthropic.com", "https://api.anthropic.com"],
    ["claude-api", "https://api.anthropic.com/", "https://api.anthropic.com"],
    ["claude-api", "https://api.anthropic.com/v1", "https://api.anthropic.com"],
    ["claude-api", "https://api.anthropic.com/v1/", "https://api.anthropic.com"],
    ["claude-api", "https://api.anthropic.com/v1/messages", "https://api.anthropic.com"],
    ["claude-api", "HTTPS://API.Anthropic.com:443//v1//messages//", "https://api.anthropic.com"],
    ["claude-api", "https://gw.example/anthropic/v1", "https://gw.example/anthropic"],
    ["claude-api", "https://gw.example/v1/anthropic", "https://gw.example/v1/anthropic"],
    ["claude-api", "https://gw.example/v1beta1", "https://gw.example/v1beta1"],
    ["claude-api", "http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"],
    ["claude-api", "http://localhost:8080", "http://localhost:8080"],
    ["claude-api", "http://[::1]:8080/v1", "http://[::1]:8080"],
    ["claude-oauth", "https://api.anthropic.com/v1/messages/", "https://api.anthropic.com", token],
    ["gemini-api", "https://g.example/v1beta", "https://g.example"],
    ["gemini-api", "https://g.example/v1beta/", "https://g.example"],
    ["gemini", "https://cloudcode-pa.googleapis.com/", "https://cloudcode-pa.googleapis.com", token],
    ["gemini", "https://cloudcode.googleapis.com/v1", "https://cloudcode-pa.googleapis.com", token],
    ["gemini-api", "https://cloudcode.googleapis.com", "https://cloudcode.googleapis.com"],
    ["openai-responses", "https://api.openai.com", "https://api.openai.com/v1"],
    ["openai-responses", "https://api.openai.com/", "https://api.openai.com/v1"],
    ["openai-responses", "https://api.openai.com/v1/", "https://api.openai.com/v1"],
    ["openai-responses", "https://api.openai.com/v1/responses", "https://api.openai.com/v1"],
    ["openai-responses", "https://x.example/openai", "https://x.example/openai/v1"],
  ];
  for (const [type, written, meant, secret] of cases) {
    test(`${written} of ${type} is ${meant}`, () => {
      assert.equal(account(`api_url = "${written}"`, type, secret).apiUrl, meant);
    });
  }

  test("pass-through goes to addresses in the same spelling", () => {
    const text =
      '[upstream]\nclaude_url = "http://127.0.0.1:1/v1"\ngemini_url = "https://g/v1beta"\nopenai_url = "https://o"\nchatgpt_url = "https://c/codex/"\ncode_assist_url = "https://ca/"';
    assert.deepEqual(read(text).upstream.providerUrls, {
      claude: "http://127.0.0.1:1",
      gemini: "https://g",
      openai: "https://o/v1",
      chatgpt: "https://c/codex",
      codeAssist: "https://ca",
    });
  });
});

describe("values in the units of the program", () => {
  test("fractions of seconds and megabytes are kept", () => {
    const config = read(
      "[server]\nmax_body_mb = 0.5\ndrain_seconds = 0.25\n[session]\nmax_wait_seconds = 0.1\nhold_seconds = 1e1\n",
    );
    assert.equal(config.server.maxBodyBytes, 512 * 1024);
    assert.equal(config.server.drainMs, 250);
    assert.equal(config.session.maxWaitMs, 100);
    assert.equal(config.session.holdMs, 10_000);
  });

  test("a name that is left out is the id", () => {
    assert.equal(account("").name, "a");
    assert.equal(account('name = "Büro – 1"').name, "Büro – 1");
  });

  test("a priority can be any whole number", () => {
    assert.equal(account("priority = -5").priority, -5);
    assert.equal(account("priority = 1_000_000").priority, 1_000_000);
  });

  test("scopes are a string with spaces or a list", () => {
    const meant = ["a", "b"];
    assert.deepEqual(read('[oauth.claude]\nscopes = " a  b "').oauth.claude?.scopes, meant);
    assert.deepEqual(read('[oauth.claude]\nscopes = ["a", "b"]').oauth.claude?.scopes, meant);
  });

  test("IPv6 hosts lose their brackets", () => {
    assert.equal(read('[server]\nhost = "[::1]"').server.host, "::1");
    const proxy = account('[accounts.proxy]\ntype = "http"\nhost = "[::1]"\nport = 1').proxy;
    assert.deepEqual(proxy, { type: "http", host: "::1", port: 1 });
  });

  test("a SOCKS proxy without port has the usual one", () => {
    for (const type of ["socks5", "socks5h"] as const) {
      const { proxy } = account(`[accounts.proxy]\ntype = "${type}"\nhost = "h"`);
      assert.deepEqual(proxy, { type, host: "h", port: 1080 });
    }
  });

  test("empty proxy credentials are left out", () => {
    const { proxy } = account('[accounts.proxy]\ntype = "socks5"\nhost = "h"\nusername = ""\npassword = ""');
    assert.deepEqual(proxy, { type: "socks5", host: "h", port: 1080 });
  });

  test("a proxy of type none is no proxy, whatever else is written there", () => {
    assert.equal(account('[accounts.proxy]\ntype = "none"\nhost = "socks5://x"\nport = 0').proxy, undefined);
  });

  test("client keys without a name are counted by position", () => {
    const text = 'api_keys = ["a", { name = "laptop", key = "b" }, "c"]';
    assert.deepEqual(read(text).apiKeys, [
      { name: "key-1", key: "a" },
      { name: "laptop", key: "b" },
      { name: "key-3", key: "c" },
    ]);
  });

  test("a client key that no header can carry is allowed with a warning", () => {
    const config = read('api_keys = ["ключ", { name = "n", key = "a\\nb" }, "a b"]');
    assert.deepEqual(config.warnings.map(describeWarning), [
      "the client key key-1 has characters that clients cannot send in a header",
      "the client key n has characters that clients cannot send in a header",
    ]);
  });

  test("two accounts with one Claude login, which would end each other's, are allowed with a warning", () => {
    const account = (id: string, type: string) =>
      `[[accounts]]\ntype = "${type}"\nid = "${id}"\nrefresh_token = "token-1"\n`;
    const ids = ["a", "b"].map((id) => account(id, "claude-oauth"));
    assert.deepEqual(read(ids.join("")).warnings.map(describeWarning), [
      "the accounts a and b have the same refresh_token, and each will end the other's login: remove one of them, or log in again with: cc-relay login claude --id b",
    ]);
    // Google's stays good however often it is used, and has one limit.
    assert.deepEqual(
      read(["c", "d"].map((id) => account(id, "gemini")).join("")).warnings.map(describeWarning),
      [
        "the accounts c and d have the same refresh_token, and what limits one limits the other: remove one of them",
      ],
    );
  });

  test("with client keys any host can be bound", () => {
    const text =
      'api_keys = ["k"]\n[server]\nhost = "0.0.0.0"\nallowed_hosts = ["relay.lan", "::1", "h:8080"]';
    assert.deepEqual(read(text).server.allowedHosts, ["relay.lan", "::1", "h:8080"]);
  });

  test("every loopback host can be bound without", () => {
    for (const host of ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"]) {
      assert.equal(messageOf(`[server]\nhost = "${host}"`), undefined);
    }
  });
});

describe("what the environment adds", () => {
  test("api_key_env takes the key from it, less the white space of a pasted one", () => {
    const text = '[[accounts]]\ntype = "gemini-api"\nid = "a"\napi_key_env = "MY_KEY"';
    assert.equal(read(text, { MY_KEY: " KEY\n" }).accounts[0]?.secret, "KEY");
  });

  test("a command that sends nothing gets a warning for an unset variable", () => {
    const text = '[[accounts]]\ntype = "gemini-api"\nid = "a"\napi_key_env = "MY_KEY"';
    const environment = fakeEnvironment();
    const config = readConfig(text, {
      file: "/x/config.toml",
      environment,
      kinds: accountKinds,
      missingVariables: "warning",
    });
    assert.equal(config.accounts[0]?.secret, "");
    assert.deepEqual(config.warnings.map(describeWarning), [
      "accounts[0].api_key_env names the variable MY_KEY, which is not set in the environment: set it where cc-relay is started; a key itself belongs into api_key",
    ]);
  });

  test("proxies are taken in both spellings, lower case first", () => {
    assert.equal(read("").environmentProxy, undefined);
    assert.equal(read("", { NO_PROXY: "x", HTTPS_PROXY: "" }).environmentProxy, undefined);
    assert.deepEqual(
      read("", { HTTPS_PROXY: "http://a:1", https_proxy: "http://b:1", NO_PROXY: "x" }).environmentProxy,
      {
        httpsProxy: "http://b:1",
        noProxy: "x",
      },
    );
    assert.deepEqual(read("", { HTTP_PROXY: "http://a:1" }).environmentProxy, { httpProxy: "http://a:1" });
  });
});

describe("files", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cc-relay-load-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const load = (flag: string) =>
    loadConfig({ flag, environment: fakeEnvironment({ cwd: folder }), kinds: accountKinds });

  test("without a file the defaults hold, with the database among the platform's data", async () => {
    const config = await loadConfig({ environment: fakeEnvironment({ cwd: folder }), kinds: accountKinds });
    assert.deepEqual(config, defaultConfig({ databasePath: "/data/cc-relay/relay.db" }));
  });

  test("the database path counts from the file's folder, not from the working one", async () => {
    await mkdir(join(folder, "sub"));
    await writeFile(join(folder, "sub/relay.toml"), '[server]\ndatabase_path = "../x.db"');
    const config = await load("sub/relay.toml");
    assert.equal(config.file, join(folder, "sub/relay.toml"));
    assert.equal(config.server.databasePath, join(folder, "x.db"));
  });

  test("an absolute database path stays", async () => {
    await writeFile(join(folder, "absolute.toml"), "[server]\ndatabase_path = '/var/x.db'");
    assert.equal((await load("absolute.toml")).server.databasePath, "/var/x.db");
  });

  test("a byte order mark is no obstacle", async () => {
    await writeFile(join(folder, "bom.toml"), "\ufeffapi_keys = ['k']\r\n[server]\r\nport = 1\r\n");
    assert.equal((await load("bom.toml")).server.port, 1);
  });

  test("text in another encoding is named with its line", async () => {
    const file = join(folder, "latin.toml");
    await writeFile(file, Buffer.from("[server]\n# ü\nport = 1\n", "latin1"));
    const message = `the configuration has 1 problem

${file}:2
  ✗ this is not UTF-8 text
  - save the file as UTF-8 (in Windows PowerShell: Set-Content -Encoding utf8)`;
    await assert.rejects(load(file), { name: "ConfigError", message });
    await writeFile(file, Buffer.from("\ufeff[server]\n", "utf16le"));
    await assert.rejects(load(file), { message: message.replace(":2", ":1") });
  });

  test("a folder in the place of the file is named", async () => {
    const file = join(folder, "a-folder");
    await mkdir(file);
    await assert.rejects(load(file), {
      name: "UserError",
      message: `cannot read ${file}: it is a folder`,
      fix: { instruction: "name a file" },
    });
  });

  test("a file of more than 16 MB is no configuration", async () => {
    const file = join(folder, "huge.toml");
    await writeFile(file, "");
    await truncate(file, 17 * 1024 * 1024);
    await assert.rejects(load(file), { message: `cannot read ${file}: it is larger than 16 MB` });
  });

  test("a file that the system cannot open is named with the system's reason", async () => {
    const file = join(folder, "loop.toml");
    await symlink(file, file);
    await assert.rejects(load(file), { message: `cannot read ${file}: the system says ELOOP` });
  });

  test("a megabyte of a value is fine where any text is", async () => {
    const file = join(folder, "large.toml");
    await writeFile(file, `api_keys = ["${"k".repeat(1_000_000)}"]`);
    assert.equal((await load(file)).apiKeys[0]?.key.length, 1_000_000);
  });
});
