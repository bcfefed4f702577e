import assert from "node:assert/strict";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { makeCertificate } from "../support/certificate.ts";
import { patient } from "../support/patience.ts";
import { startConnectProxy, startSocksProxy, type TestProxy } from "../support/proxies.ts";
import { accountFaults, siteFor } from "./doctor-account-faults.ts";
import type { Site } from "./doctor-site.ts";

const proxyToml = (proxy: TestProxy | { port: number }, type: string, password = "right-password") =>
  `\n[accounts.proxy]\ntype = "${type}"\nhost = "127.0.0.1"\nport = ${proxy.port}\nusername = "me"\npassword = "${password}"\n`;

describe("doctor finds what is wrong with an account:", () => {
  it("nothing, when every account works", async (t) => {
    const site = await siteFor(t);
    const { ok, checks, code } = await site.document();
    assert.deepEqual(
      checks.filter(({ name }) => name.startsWith("account")),
      ["claude-1", "gemini-1", "openai-1"].map((id) => ({
        name: `account ${id}`,
        status: "ok",
        detail: `TCP and key are fine: 127.0.0.1:${site.upstream.port}`,
        fix: null,
        command: null,
      })),
    );
    assert.deepEqual({ ok, code }, { ok: true, code: 0 });
    // Only lists are read: nothing is generated, nothing billed.
    assert.deepEqual(site.upstream.requests.map(({ method, url }) => `${method} ${url}`).sort(), [
      "GET /v1/models",
      "GET /v1/models?limit=1",
      "GET /v1beta/models?pageSize=1",
    ]);
  });

  it("a proxy that is down", async (t) => {
    const site = await siteFor(t);
    const proxy = await startSocksProxy();
    await proxy.close();
    await site.configure((text) => text + proxyToml(proxy, "socks5"));
    assert.deepEqual(await accountFaults(site), {
      found: [
        `fail account openai-1: proxy: the socks5 proxy 127.0.0.1:${proxy.port} refused the connection -> check the proxy and the account's [accounts.proxy], then run: cc-relay doctor`,
      ],
      code: 1,
    });
    assert.equal(site.upstream.requests.length, 2, "nothing goes round the proxy");
  });

  for (const [type, start, refusal] of [
    ["socks5", startSocksProxy, ""],
    ["http", startConnectProxy, " (407)"],
  ] as const) {
    it(`a wrong password of its ${type} proxy`, async (t) => {
      const site = await siteFor(t);
      const proxy = await start({ username: "me", password: "right-password" });
      t.after(() => proxy.close());
      await site.configure((text) => text + proxyToml(proxy, type, "wrong-password"));
      const { found, code } = await accountFaults(site);
      assert.deepEqual(found, [
        `fail account openai-1: proxy: the ${type} proxy 127.0.0.1:${proxy.port} refused the user name or password${refusal} -> check the proxy and the account's [accounts.proxy], then run: cc-relay doctor`,
      ]);
      assert.equal(code, 1);
      assert.deepEqual(proxy.credentials, ["me:wrong-password"]);
      assert.equal(site.upstream.requests.length, 2, "nothing goes round the proxy");
    });

    it(`nothing, when its ${type} proxy works, and everything goes through it`, async (t) => {
      const site = await siteFor(t);
      const proxy = await start({
        username: "me",
        password: "right-password",
        resolve: () => "127.0.0.1",
      });
      t.after(() => proxy.close());
      site.site.lookup = () => assert.fail("the name is the proxy's to resolve");
      await site.configure((text) =>
        text.replace(
          `${site.upstream.url}/v1"\n`,
          `http://provider.localhost:${site.upstream.port}/v1"\n${proxyToml(proxy, type)}`,
        ),
      );
      assert.deepEqual((await accountFaults(site)).found, []);
      assert.equal(site.upstream.requests.length, 3);
      // One tunnel to look, one for the request.
      assert.deepEqual(proxy.targets, Array(2).fill(`provider.localhost:${site.upstream.port}`));
    });
  }

  it("a proxy that does not answer, within the time limit", async (t) => {
    const site = await siteFor(t);
    const proxy = await startSocksProxy();
    t.after(() => proxy.close());
    proxy.behaviour = { kind: "stall" };
    site.site.limitMs = 300;
    await site.configure((text) => text + proxyToml(proxy, "socks5"));
    const { found } = await accountFaults(site);
    assert.match(
      found.find((fault) => fault.includes("openai-1")) ?? "",
      /^fail account openai-1: proxy: the socks5 proxy 127\.0\.0\.1:\d+ did not open a tunnel within 0\.3 s ->/,
    );
  });

  it("a name that cannot be resolved", async (t) => {
    const site = await siteFor(t);
    site.site.lookup = async (hostname) => {
      throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND", hostname });
    };
    await site.configure((text) => text.replace(site.upstream.url, "https://api.nowhere.example"));
    assert.deepEqual(await accountFaults(site), {
      found: [
        "fail account claude-1: DNS: the name of api.nowhere.example could not be resolved (ENOTFOUND) -> check this machine's network and name server, and api_url of the account claude-1",
      ],
      code: 1,
    });
  });

  it("name servers that do not answer, within the time limit and once for all accounts of a host", async (t) => {
    const site = await siteFor(t);
    site.site.limitMs = 300;
    let lookups = 0;
    site.site.lookup = () => {
      lookups += 1;
      return new Promise(() => {});
    };
    await site.configure((text) => text.replaceAll(site.upstream.url, "https://api.nowhere.example"));
    const { found } = await accountFaults(site);
    const silent = found.filter((fault) =>
      fault.includes("DNS: no name server answered for api.nowhere.example"),
    );
    assert.equal(silent.length, 3);
    assert.equal(lookups, 1);
  });

  it("a port on which nobody listens", async (t) => {
    const site = await siteFor(t);
    const gone = await startSocksProxy();
    await gone.close();
    await site.configure((text) => text.replace(site.upstream.url, `http://127.0.0.1:${gone.port}`));
    assert.deepEqual((await accountFaults(site)).found, [
      `fail account claude-1: TCP: 127.0.0.1:${gone.port} refused the connection -> check this machine's network and firewall, and api_url of the account claude-1`,
    ]);
  });

  it("a certificate for another name", async (t) => {
    const certificate = makeCertificate(["other.example"]);
    const { site, port } = await siteWithTls(t, certificate);
    site.site.ca = certificate.cert;
    await site.configure((text) => text.replace(site.upstream.url, `https://localhost:${port}`));
    assert.deepEqual(await accountFaults(site), {
      found: [
        "fail account claude-1: TLS: the certificate is for other.example, not for localhost -> check what answers in the provider's place (a hosts file, a company's proxy), and api_url of the account claude-1",
      ],
      code: 1,
    });
  });

  it("a certificate that nobody vouches for, and whose it is", async (t) => {
    const { site, port } = await siteWithTls(t, makeCertificate(["localhost"]));
    await site.configure((text) => text.replace(site.upstream.url, `https://localhost:${port}`));
    assert.deepEqual((await accountFaults(site)).found, [
      "fail account claude-1: TLS: the certificate of localhost, issued by cc-relay test, is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT) -> if a company's proxy reads along here and may, start the relay with: NODE_EXTRA_CA_CERTS=FILE cc-relay serve",
    ]);
  });

  it("no TLS where TLS is wanted", async (t) => {
    const site = await siteFor(t);
    await site.configure((text) =>
      text.replace(site.upstream.url, site.upstream.url.replace("http", "https")),
    );
    assert.deepEqual((await accountFaults(site)).found, [
      "fail account claude-1: TLS: the handshake with 127.0.0.1:UPSTREAM failed (ERR_SSL_WRONG_VERSION_NUMBER) -> check what answers there, and api_url of the account claude-1",
    ]);
  });

  it("the way to the providers of a client's own credential, which is not tried", async (t) => {
    const site = await siteFor(t);
    const { url } = site.upstream;
    const own = '[[accounts]]\nid = "own"\ntype = "client"\nfamily = "claude"\n';
    const configureOwn = (claudeUrl: string) =>
      site.configure((text) => `${text}\n[upstream]\nclaude_url = "${claudeUrl}"\n\n${own}`);
    await configureOwn(url);
    const find = async () => (await site.document()).checks.find(({ name }) => name === "account own");
    assert.deepEqual(await find(), {
      ...{ name: "account own", status: "ok", fix: null, command: null },
      detail: `TCP is fine: ${new URL(url).host}; its credential comes with each request, so it was not tried`,
    });
    await configureOwn("http://127.0.0.1:9");
    const lost = await find();
    assert.equal(lost?.status, "fail");
    assert.match(lost?.detail ?? "", /^TCP: /);
    assert.match(lost?.fix ?? "", /the address of 127\.0\.0\.1:9 in \[upstream\] of config\.toml/);
  });

  it("nothing, when DNS, TCP, TLS and the key are fine", async (t) => {
    const certificate = makeCertificate(["localhost"]);
    const { site, port } = await siteWithTls(t, certificate);
    site.site.ca = certificate.cert;
    await site.configure((text) => text.replace(site.upstream.url, `https://localhost:${port}`));
    const { checks } = await site.document();
    const account = checks.find(({ name }) => name === "account claude-1");
    assert.equal(account?.detail, `DNS, TCP, TLS and key are fine: localhost:${port}`);
  });

  for (const [id, body, said] of [
    [
      "claude-1",
      { type: "error", error: { type: "authentication_error", message: "invalid x-api-key" } },
      "invalid x-api-key",
    ],
    [
      "gemini-1",
      {
        error: {
          code: 400,
          message: "API key not valid. Please pass a valid API key.",
          status: "INVALID_ARGUMENT",
          details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }],
        },
      },
      "API key not valid. Please pass a valid API key.",
    ],
    [
      "openai-1",
      {
        error: {
          message: "Incorrect API key provided: key-of-openai-1.",
          type: "invalid_request_error",
          code: "invalid_api_key",
        },
      },
      "Incorrect API key provided: ***",
    ],
  ] as const) {
    it(`the revoked key of ${id}, which a new one fixes`, async (t) => {
      const site = await siteFor(t);
      const status = id === "gemini-1" ? 400 : 401;
      site.upstream.on(`key-of-${id}`, { status, body });
      const family = id.replace("-1", "");
      assert.deepEqual(await accountFaults(site), {
        found: [
          `fail account ${id}: key refused: ${said} -> to give another key, run: cc-relay login ${family} --id ${id} --api-key`,
        ],
        code: 4,
      });
    });
  }

  it("an account that has run out of money, which no login fixes", async (t) => {
    const site = await siteFor(t);
    const message = "Your credit balance is too low to access the Anthropic API.";
    site.upstream.on("key-of-claude-1", {
      status: 400,
      body: { type: "error", error: { type: "invalid_request_error", message } },
    });
    assert.deepEqual(await accountFaults(site), {
      found: [
        `fail account claude-1: key: ${message} -> settle it with the provider, or use another account`,
      ],
      code: 1,
    });
  });

  it("a provider that is full, without blaming the account", async (t) => {
    const site = await siteFor(t);
    site.upstream.on("key-of-claude-1", {
      status: 529,
      body: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
    });
    assert.deepEqual(await accountFaults(site), {
      found: ["warn account claude-1: key: Overloaded -> to try again, run: cc-relay doctor"],
      code: 0,
    });
  });

  it("a provider that takes the request and says nothing, within the time limit", async (t) => {
    const site = await siteFor(t);
    site.site.limitMs = Math.ceil(patient(400));
    site.upstream.on("key-of-claude-1", { hang: true });
    const { found } = await accountFaults(site);
    assert.deepEqual(
      found.filter((fault) => fault.includes("account")),
      [
        "fail account claude-1: key: 127.0.0.1:UPSTREAM did not answer in time -> to try again, run: cc-relay doctor",
      ],
    );
  });

  it("a key whose variable is not set where doctor runs", async (t) => {
    const site = await siteFor(t);
    await site.configure((text) => text.replace('api_key = "key-of-claude-1"', 'api_key_env = "WORK_KEY"'));
    assert.deepEqual(await accountFaults(site), {
      found: [
        "warn configuration: accounts[0].api_key_env names the variable WORK_KEY, which is not set in the environment -> set it where cc-relay is started; a key itself belongs into api_key",
        "warn account claude-1: its key was not tried: the variable that holds it is not set here -> run this where the relay is started, or set the variable",
      ],
      code: 0,
    });
  });

  it("nothing in an account that is switched off, which is not tried", async (t) => {
    const site = await siteFor(t);
    await site.configure((text) => text.replace('id = "claude-1"', 'id = "claude-1"\nenabled = false'));
    const { checks } = await site.document();
    assert.equal(
      checks.find(({ name }) => name === "account claude-1")?.detail,
      "disabled, so it was not tried",
    );
    assert.equal(site.upstream.requests.length, 2);
  });

  it("a clock that is ten minutes off", async (t) => {
    const site = await siteFor(t);
    site.upstream.on({}, { headers: { date: new Date(Date.now() - 600_000).toUTCString() } });
    assert.deepEqual(await accountFaults(site), {
      found: ["fail clock: 10m ahead of 127.0.0.1 -> to set it, run: sudo timedatectl set-ntp true"],
      code: 1,
    });
  });

  it("nothing that needs a network with --offline", async (t) => {
    const site = await siteFor(t);
    site.site.lookup = () => assert.fail("no name is resolved");
    const { checks } = await site.document({ offline: true });
    assert.deepEqual(
      checks.map(({ name }) => name),
      [
        "node",
        "configuration",
        "file modes",
        "database",
        "daemon",
        "port",
        "claude",
        "gemini",
        "codex",
        "openai",
      ],
    );
    assert.equal(site.upstream.requests.length, 0);
  });
});

async function siteWithTls(
  t: TestContext,
  certificate: { key: string; cert: string },
): Promise<{ site: Site; port: number }> {
  const site = await siteFor(t);
  const server = https.createServer(certificate, (_request, response) => {
    response.setHeader("content-type", "application/json").end('{"data":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { site, port: (server.address() as AddressInfo).port };
}
