import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import http from "node:http";
import net from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import type { OAuthOverrides } from "../../src/account-kinds/oauth-provider.ts";
import { createDispatchers, type Dispatchers } from "../../src/network/dispatchers.ts";
import { startCallbackServer } from "../../src/oauth/callback-server.ts";
import { claudeProvider } from "../../src/oauth/claude.ts";
import { geminiProvider } from "../../src/oauth/gemini.ts";
import { type LoginLinks, type LoginOptions, type LoginPrompts, logIn } from "../../src/oauth/login.ts";
import { hashToken } from "../../src/oauth/refresh.ts";
import { saveLogin } from "../../src/oauth/saved-login.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { createMemoryTokens } from "../support/memory-tokens.ts";
import { startConnectProxy } from "../support/proxies.ts";

let server: AuthorizationServer;
let dispatchers: Dispatchers;

beforeEach(async () => {
  server = await startAuthorizationServer();
  dispatchers = createDispatchers({ connectTimeoutMs: 1000 });
});

afterEach(async () => {
  await dispatchers.close();
  await server.close();
});

function overrides(more: OAuthOverrides = {}): OAuthOverrides {
  return { authorizeUrl: `${server.url}/authorize`, tokenUrl: `${server.url}/token`, ...more };
}

interface Page {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
  url: string;
}

/** A browser: follows redirects, keeps the last page. */
function browse(address: string, options: http.RequestOptions = {}): Promise<Page> {
  return new Promise((resolve, reject) => {
    http
      .get(address, { agent: false, ...options }, (response) => {
        const { location } = response.headers;
        if (location !== undefined) {
          response.resume();
          resolve(browse(location, options));
          return;
        }
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (text: string) => {
          body += text;
        });
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body, url: address }),
        );
      })
      .on("error", reject);
  });
}

interface Run {
  links: LoginLinks;
  problems: (string | undefined)[];
  result: ReturnType<typeof logIn>;
  abort(): void;
}

/** Starts a login; resolves when its addresses are shown. */
function start(
  change: Partial<Omit<LoginOptions, "prompts">> & { prompts?: Partial<LoginPrompts> } = {},
): Promise<Run> {
  return new Promise((resolve) => {
    const controller = new AbortController();
    const problems: (string | undefined)[] = [];
    const { paste } = change.prompts ?? {};
    const prompts: LoginPrompts = {
      show: (links) =>
        queueMicrotask(() => resolve({ links, problems, result, abort: () => controller.abort() })),
      open: async () => {},
      ...change.prompts,
      ...(paste === undefined
        ? {}
        : {
            paste: (problem, signal) => {
              problems.push(problem);
              return paste(problem, signal);
            },
          }),
    };
    const result = logIn({
      provider: claudeProvider(overrides()),
      dispatcher: dispatchers.for("a", undefined),
      signal: controller.signal,
      now: () => 1_000_000,
      ...change,
      prompts,
    });
  });
}

function isListening(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

function portOf(link: string | undefined): number {
  return Number(new URL(new URL(link ?? "").searchParams.get("redirect_uri") ?? "").port);
}

test("through the browser: the code comes back to loopback, the page says how it ended, and nothing is left behind", async () => {
  const run = await start();
  const query = new URL(run.links.automatic!).searchParams;
  assert.deepEqual(
    [...query.keys()],
    [
      "code",
      "client_id",
      "response_type",
      "redirect_uri",
      "scope",
      "code_challenge",
      "code_challenge_method",
      "state",
    ],
  );
  assert.equal(query.get("code_challenge_method"), "S256");
  assert.match(query.get("redirect_uri")!, /^http:\/\/localhost:\d+\/callback$/);
  assert.doesNotMatch(query.get("scope")!, /create_api_key/);
  const port = portOf(run.links.automatic);
  assert.deepEqual([await isListening(port), await isListening(port, "::1")], [true, true]);

  const page = await browse(run.links.automatic!);
  assert.equal(page.status, 200);
  assert.match(page.body, /Logged in/);
  const result = await run.result;
  assert.ok(result.ok);
  assert.ok(server.isLive(result.login.refreshToken));
  assert.ok(server.accepts(result.login.accessToken!));
  assert.equal(result.login.expiresAt, 1_000_000 + 28_800_000);
  assert.equal(result.login.owner, "person@example.com");
  assert.deepEqual([await isListening(port), await isListening(port, "::1")], [false, false]);

  const [request] = server.requests;
  assert.deepEqual(Object.keys(request!.parameters).sort(), [
    "client_id",
    "code",
    "code_verifier",
    "grant_type",
    "redirect_uri",
    "state",
  ]);
  assert.equal(request!.parameters.state, query.get("state"));
  const challenge = createHash("sha256").update(request!.parameters.code_verifier!).digest("base64url");
  assert.equal(challenge, query.get("code_challenge"));
  assert.match(request!.parameters.code_verifier!, /^[\w-]{43}$/);
  assert.notEqual(request!.parameters.code_verifier, request!.parameters.state);
});

test("the page loads and runs nothing, is not kept, and shows the provider's words as text", async () => {
  const run = await start();
  const automatic = new URL(run.links.automatic!);
  const back = new URL(automatic.searchParams.get("redirect_uri")!);
  back.search = new URLSearchParams({
    error: "access_denied",
    error_description: `<script>alert("x")</script>`,
    state: automatic.searchParams.get("state")!,
  }).toString();
  const page = await browse(back.href);
  const policy = page.headers["content-security-policy"] as string;
  assert.match(policy, /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'/);
  const style = /<style>(.*)<\/style>/.exec(page.body)?.[1] ?? "";
  assert.ok(policy.includes(createHash("sha256").update(style).digest("base64")));
  assert.equal(page.headers["cache-control"], "no-store");
  assert.equal(page.headers["referrer-policy"], "no-referrer");
  assert.doesNotMatch(page.body, /<script|https?:\/\//);
  assert.match(page.body, /&#60;script&#62;/);
  assert.deepEqual(await run.result, {
    ok: false,
    reason: "denied",
    message: `the login was refused: <script>alert("x")</script>`,
  });
});

test("an answer with a wrong state, another host, path or method neither logs in nor ends the login", async () => {
  const run = await start();
  const automatic = new URL(run.links.automatic!);
  const back = automatic.searchParams.get("redirect_uri")!;
  const state = automatic.searchParams.get("state")!;
  const refused: [string, http.RequestOptions, number][] = [
    [`${back}?code=evil&state=${"x".repeat(43)}`, {}, 400],
    [`${back}?code=evil`, {}, 400],
    [`${back}?error=access_denied`, {}, 400],
    [`${back}?state=${state}`, {}, 400],
    [`${back}?code=evil&state=${state}`, { headers: { host: "evil.example" } }, 404],
    [`${back}x?code=evil&state=${state}`, {}, 404],
    [new URL("/favicon.ico", back).href, {}, 404],
    [`${back}?code=evil&state=${state}`, { method: "POST" }, 404],
  ];
  for (const [address, options, status] of refused)
    assert.equal((await browse(address, options)).status, status, address);
  assert.equal(server.requests.length, 0);
  await browse(automatic.href);
  assert.ok((await run.result).ok);
});

test("a code is used once: a second answer while the first is exchanged is refused as the second", async () => {
  const { promise: refused, resolve: goOn } = Promise.withResolvers<void>();
  server.faults.push({ kind: "delay", ms: refused });
  const run = await start();
  const first = browse(run.links.automatic!);
  while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await browse(run.links.automatic!)).status, 410);
  goOn();
  assert.equal((await first).status, 200);
  assert.ok((await run.result).ok);
  assert.equal(server.requests.length, 1);
});

test("when the exchange fails the page says so too", async () => {
  server.faults.push({
    kind: "answer",
    status: 400,
    body: '{"error":"invalid_grant","error_description":"Code expired"}',
  });
  const run = await start();
  const page = await browse(run.links.automatic!);
  assert.match(page.body, /Not logged in/);
  assert.match(page.body, /Code expired/);
  const result = await run.result;
  assert.ok(!result.ok);
  assert.equal(result.reason, "refused");
  assert.equal(
    result.message,
    `Claude did not take the code: 127.0.0.1:${server.port} answered 400 (invalid_grant: Code expired)`,
  );
});

test("a browser that cannot be opened is no failure", async () => {
  const opened: string[] = [];
  const run = await start({
    prompts: {
      open: async (url) => {
        opened.push(url);
        throw new Error("no browser");
      },
    },
  });
  await browse(run.links.automatic!);
  assert.ok((await run.result).ok);
  assert.deepEqual(opened, [run.links.automatic]);
});

test("pasting: what the page shows, a bare code, and the whole address all finish the login", async () => {
  const page = async (links: LoginLinks) => (await browse(links.manual)).body;
  const whole = async (links: LoginLinks) => {
    const [code, state] = (await page(links)).split("#");
    return `https://platform.claude.com/oauth/code/callback?code=${code}&state=${state}`;
  };
  const forms = [page, async (links: LoginLinks) => (await page(links)).split("#")[0]!, whole];
  for (const form of forms) {
    const pasted = Promise.withResolvers<string>();
    const run = await start({ prompts: { open: undefined, paste: () => pasted.promise } });
    assert.equal(run.links.automatic, undefined);
    assert.equal(
      new URL(run.links.manual).searchParams.get("redirect_uri"),
      "https://platform.claude.com/oauth/code/callback",
    );
    pasted.resolve(await form(run.links));
    const result = await run.result;
    assert.ok(result.ok, result.ok ? "" : result.message);
    assert.equal(
      server.requests.at(-1)!.parameters.redirect_uri,
      "https://platform.claude.com/oauth/code/callback",
    );
  }
});

test("pasting works beside the browser, and the address of the loopback page can be pasted as well", async () => {
  const pasted = Promise.withResolvers<string>();
  const run = await start({ prompts: { paste: () => pasted.promise } });
  const automatic = new URL(run.links.automatic!);
  const redirect = await new Promise<string>((resolve) => {
    http.get(automatic, (response) => resolve(response.resume().headers.location!));
  });
  pasted.resolve(redirect);
  assert.ok((await run.result).ok);
  assert.equal(server.requests[0]!.parameters.redirect_uri, automatic.searchParams.get("redirect_uri"));
});

test("a pasted code of another login is refused and asked for again", async () => {
  const entries = ["CODE#other-state", "", "https://page.example/?error=access_denied"];
  const wanted = Promise.withResolvers<string>();
  const run = await start({
    prompts: { open: undefined, paste: async () => entries.shift() ?? wanted.promise },
  });
  wanted.resolve((await browse(run.links.manual)).body);
  assert.ok((await run.result).ok);
  assert.equal(run.problems[0], undefined);
  assert.match(run.problems[1]!, /another login/);
  assert.match(run.problems[2]!, /no code/);
  assert.match(run.problems[3]!, /refused: access_denied/);
  assert.equal(server.requests.length, 1);
});

test("the prompt is taken away when the browser was faster, and leaving it ends the login", async () => {
  let promptSignal: AbortSignal | undefined;
  const run = await start({
    prompts: {
      paste: (_problem, signal) => {
        promptSignal = signal;
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    },
  });
  await browse(run.links.automatic!);
  assert.ok((await run.result).ok);
  assert.equal(promptSignal?.aborted, true);

  const given = await start({ prompts: { paste: async () => undefined } });
  assert.deepEqual(await given.result, {
    ok: false,
    reason: "cancelled",
    message: "the login was cancelled",
  });
});

test("Ctrl-C and the time limit end the login and close the port", async () => {
  const run = await start();
  const port = portOf(run.links.automatic);
  assert.equal(await isListening(port), true);
  run.abort();
  assert.deepEqual(await run.result, { ok: false, reason: "cancelled", message: "the login was cancelled" });
  assert.equal(await isListening(port), false);

  const late = await start({ limitMs: 30 });
  assert.deepEqual(await late.result, {
    ok: false,
    reason: "timed-out",
    message: "nobody finished the login in time",
  });
  assert.equal(await isListening(portOf(late.links.automatic)), false);

  server.faults.push({ kind: "delay", ms: 5000 });
  const exchanging = await start({ prompts: { open: undefined, paste: async () => "code" } });
  while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  exchanging.abort();
  const result = await exchanging.result;
  assert.ok(!result.ok && result.reason === "cancelled");
});

test("without a terminal to paste into and without a browser the loopback address is still offered", async () => {
  const run = await start({ prompts: { open: undefined } });
  assert.notEqual(run.links.automatic, undefined);
  await browse(run.links.automatic!);
  assert.ok((await run.result).ok);
});

test("a login without a refresh token is refused", async () => {
  server.faults.push({ kind: "lie", change: (answer) => ({ ...answer, refresh_token: undefined }) });
  const run = await start();
  await browse(run.links.automatic!);
  const result = await run.result;
  assert.ok(!result.ok && result.reason === "no-refresh-token");
});

test("the exchange goes through the account's proxy, and without it nothing is sent", async () => {
  const proxy = await startConnectProxy();
  const dispatcher = dispatchers.for("p", { type: "http", host: "127.0.0.1", port: proxy.port });
  const run = await start({ dispatcher, prompts: { open: undefined, paste: async () => "code" } });
  assert.ok(!(await run.result).ok);
  assert.deepEqual(proxy.targets, [`127.0.0.1:${server.port}`]);
  await proxy.close();
  const before = server.connections;
  const failed = await start({ dispatcher, prompts: { open: undefined, paste: async () => "code" } });
  const result = await failed.result;
  assert.ok(!result.ok && result.reason === "proxy");
  assert.equal(server.connections, before);
});

test("Google's login asks for a refresh token, on 127.0.0.1 or on its own page", async () => {
  const run = await start({ provider: geminiProvider(overrides()) });
  const query = new URL(run.links.automatic!).searchParams;
  assert.equal(query.get("access_type"), "offline");
  assert.equal(query.get("prompt"), "consent");
  assert.match(query.get("redirect_uri")!, /^http:\/\/127\.0\.0\.1:\d+\/oauth2callback$/);
  assert.equal(
    new URL(run.links.manual).searchParams.get("redirect_uri"),
    "https://codeassist.google.com/authcode",
  );
  await browse(run.links.automatic!);
  assert.ok((await run.result).ok);
  const [request] = server.requests;
  assert.equal(request!.headers["content-type"], "application/x-www-form-urlencoded");
  assert.equal(request!.parameters.state, undefined);
  assert.ok(request!.parameters.client_secret);
});

test("a client of one's own gets neither Gemini CLI's secret nor its page: the address is pasted", async () => {
  const provider = geminiProvider(overrides({ clientId: "mine" }));
  assert.equal(provider.clientSecret, undefined);
  const pasted = Promise.withResolvers<string>();
  const run = await start({ provider, prompts: { open: undefined, paste: () => pasted.promise } });
  assert.match(
    new URL(run.links.manual).searchParams.get("redirect_uri")!,
    /^http:\/\/127\.0\.0\.1:\d+\/oauth2callback$/,
  );
  const redirect = await new Promise<string>((resolve) => {
    http.get(run.links.manual, (response) => resolve(response.resume().headers.location!));
  });
  pasted.resolve(redirect);
  assert.ok((await run.result).ok);
  assert.equal(server.requests[0]!.parameters.client_id, "mine");
  assert.equal(server.requests[0]!.parameters.client_secret, undefined);
});

test("a configured redirect address is kept to: its port, and pasting where that is taken", async () => {
  const taken = net.createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as net.AddressInfo;
  const provider = claudeProvider(overrides({ redirectUri: `http://localhost:${port}/back` }));
  const failed = await logIn({
    provider,
    dispatcher: dispatchers.for("a", undefined),
    prompts: { show: () => assert.fail("nothing to show"), open: async () => {} },
    signal: new AbortController().signal,
  });
  assert.ok(!failed.ok);
  assert.match(failed.message, new RegExp(`^port ${port} of this machine is taken`));

  const run = await start({ provider, prompts: { paste: async () => undefined } });
  assert.equal(new URL(run.links.manual).searchParams.get("redirect_uri"), `http://localhost:${port}/back`);
  assert.equal(run.links.automatic, undefined);
  await run.result;
  await new Promise((resolve) => taken.close(resolve));

  const free = await start({ provider });
  assert.equal(portOf(free.links.automatic), port);
  await browse(free.links.automatic!);
  assert.ok((await free.result).ok);
});

test("a saved login replaces the account's old one under its lock", async () => {
  const tokens = createMemoryTokens();
  const login = { refreshToken: "r1", accessToken: "a1", expiresAt: 5000, owner: undefined };
  await saveLogin(tokens, { accountId: "a", login, now: 1000 });
  assert.equal(tokens.rows.get("a")?.generation, 1);
  await saveLogin(tokens, {
    accountId: "a",
    login: { ...login, refreshToken: "r2" },
    extras: { project: "p" },
    now: 2000,
  });
  assert.deepEqual(tokens.rows.get("a"), {
    accountId: "a",
    configuredHash: hashToken("r2"),
    refreshToken: "r2",
    accessToken: "a1",
    expiresAt: 5000,
    extras: { project: "p" },
    generation: 2,
    updatedAt: 2000,
    exchangeHash: undefined,
    exchangeAt: undefined,
  });
});

test("the terms are three lines on a terminal of 80 columns for every provider", () => {
  for (const provider of [claudeProvider({}), geminiProvider({})]) {
    assert.equal(provider.terms.length, 3);
    for (const line of provider.terms)
      assert.ok(line.length > 20 && line.length <= 80 - "  1. ".length && !line.includes("\n"), line);
  }
});

test("no request to the callback's port ends a login, however bad it is", async () => {
  const bad = ["GET // HTTP/1.1", "GET /\\ HTTP/1.1", "GET http://[ HTTP/1.1", "GET * HTTP/1.1", "\x00\xff"];
  const callback = await startCallbackServer({ port: 0, path: "/callback", state: "the-state" });
  try {
    for (const line of bad) {
      const answer = await new Promise<string>((resolve) => {
        let text = "";
        const socket = net.connect(callback.port, "127.0.0.1", () => {
          socket.end(`${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
        });
        socket.on("data", (piece) => {
          text += piece;
        });
        socket.on("error", () => resolve("reset"));
        socket.on("close", () => resolve(text));
      });
      assert.match(answer, /^HTTP\/1\.1 4\d\d |^reset$/, line);
    }
    const page = browse(`http://127.0.0.1:${callback.port}/callback?state=the-state&code=c`);
    const came = await callback.callback;
    assert.ok(came.kind === "code" && came.code === "c");
    came.show({ ok: true, text: "fine" });
    assert.equal((await page).status, 200);
  } finally {
    await callback.close();
  }
});
