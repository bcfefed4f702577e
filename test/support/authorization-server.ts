// A scripted authorization server on loopback. It rotates strictly: every refresh token is good once, and one that was spent
// kills every token of its login (RFC 9700, section 4.14.2). On request it delays, fails, cuts and lies.

import { createHash, randomBytes } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What happens to the next token requests, one entry each; afterwards all is well again. */
export type TokenFault =
  /** Answers with that instead of doing anything. */
  | { kind: "answer"; status: number; body: string; headers?: Record<string, string> }
  /** Does what was asked, and answers only then. */
  | { kind: "delay"; ms: number | Promise<unknown> }
  /** Closes the connection: before reading anything into the request, or after having rotated. */
  | { kind: "hang-up"; when: "before" | "after" }
  /** Rotates, announces the whole answer and sends the first `bytes` of it. */
  | { kind: "cut"; bytes: number }
  /** Rotates and sends the whole answer, but promises more and never ends. */
  | { kind: "endless" }
  /** Rotates and changes the answer. */
  | { kind: "lie"; change: (answer: Record<string, unknown>) => unknown };

export interface TokenRequestSeen {
  grantType: string;
  parameters: Record<string, string>;
  headers: http.IncomingHttpHeaders;
  /** Of `performance.now()`: when it had arrived, and when the last byte of its answer had left (undefined: not yet, or never). */
  receivedAt: number;
  answeredAt: number | undefined;
}

export interface AuthorizationServer {
  readonly url: string;
  readonly port: number;
  /** Every request to the token endpoint, in order. */
  readonly requests: TokenRequestSeen[];
  readonly connections: number;
  faults: TokenFault[];
  expiresIn: number;
  /** False: as Google does it, the refresh token stays the same. */
  rotates: boolean;
  /** Hands out a refresh token of a new login, as if a person had logged in. The name is in every token of it. */
  issue(name?: string): string;
  /** Kills the login a refresh or access token belongs to. */
  revoke(token: string): void;
  /** Whether an access token is good. */
  accepts(accessToken: string): boolean;
  /** Whether the login that a refresh token belongs to is alive and this is its newest token. */
  isLive(refreshToken: string): boolean;
  /** Logins that were killed because a spent token came back. */
  readonly killed: number;
  /** Whether a person at /authorize agrees. */
  consents: boolean;
  close(): Promise<void>;
}

interface Login {
  name: string;
  alive: boolean;
  /** The one refresh token that is good. */
  current: string;
  access: Set<string>;
}

export async function startAuthorizationServer(): Promise<AuthorizationServer> {
  const logins = new Map<string, Login>();
  const codes = new Map<string, { challenge: string; redirectUri: string; state: string }>();
  const server = http.createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  let connections = 0;
  let killed = 0;
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  const self: AuthorizationServer = {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: [],
    get connections() {
      return connections;
    },
    faults: [],
    expiresIn: 28_800,
    rotates: true,
    issue: (name) => newLogin(name).current,
    revoke(token) {
      for (const login of new Set(logins.values())) {
        if (login.access.has(token) || logins.get(token) === login) kill(login);
      }
    },
    accepts: (token) => [...new Set(logins.values())].some((login) => login.alive && login.access.has(token)),
    isLive(token) {
      const login = logins.get(token);
      return login?.alive === true && login.current === token;
    },
    get killed() {
      return killed;
    },
    consents: true,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };

  function newLogin(name = ""): Login {
    const login: Login = { name, alive: true, current: makeToken("refresh", name), access: new Set() };
    logins.set(login.current, login);
    return login;
  }

  function kill(login: Login): void {
    login.alive = false;
    login.access.clear();
  }

  async function handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", self.url);
    if (url.pathname === "/authorize") return authorize(url.searchParams, response);
    if (url.pathname !== "/token" || request.method !== "POST") {
      response.writeHead(404).end();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const parameters = readParameters(request, Buffer.concat(chunks).toString("utf8"));
    const seen: TokenRequestSeen = {
      grantType: parameters.grant_type ?? "",
      parameters,
      headers: request.headers,
      receivedAt: performance.now(),
      answeredAt: undefined,
    };
    self.requests.push(seen);
    response.once("finish", () => {
      seen.answeredAt = performance.now();
    });
    const fault = self.faults.shift();
    if (fault?.kind === "answer") {
      response
        .writeHead(fault.status, fault.headers ?? { "content-type": "application/json" })
        .end(fault.body);
      return;
    }
    if (fault?.kind === "hang-up" && fault.when === "before") {
      response.destroy();
      return;
    }
    await send(answer(parameters), fault, response);
  }

  async function send(
    answered: { status: number; body: Record<string, unknown> },
    fault: TokenFault | undefined,
    response: http.ServerResponse,
  ): Promise<void> {
    if (fault?.kind === "hang-up") {
      response.destroy();
      return;
    }
    if (fault?.kind === "delay") await (typeof fault.ms === "number" ? sleep(fault.ms) : fault.ms);
    const body = fault?.kind === "lie" ? fault.change(answered.body) : answered.body;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    if (fault?.kind === "cut" || fault?.kind === "endless") {
      const length = Buffer.byteLength(text) + (fault.kind === "endless" ? 100 : 0);
      response.writeHead(answered.status, { "content-type": "application/json", "content-length": length });
      response.write(fault.kind === "cut" ? text.slice(0, fault.bytes) : text);
      if (fault.kind === "cut") setTimeout(() => response.destroy(), 20);
      return;
    }
    response.writeHead(answered.status, { "content-type": "application/json" }).end(text);
  }

  function answer(parameters: Record<string, string>): { status: number; body: Record<string, unknown> } {
    switch (parameters.grant_type) {
      case "refresh_token":
        return refresh(parameters.refresh_token ?? "");
      case "authorization_code":
        return exchange(parameters);
      default:
        return { status: 400, body: { error: "unsupported_grant_type" } };
    }
  }

  function refresh(token: string): { status: number; body: Record<string, unknown> } {
    const login = logins.get(token);
    if (login?.alive && login.current !== token) {
      killed += 1;
      kill(login);
    }
    if (login === undefined || !login.alive) {
      return {
        status: 400,
        body: { error: "invalid_grant", error_description: "Refresh token not found or invalid" },
      };
    }
    if (!self.rotates) return { status: 200, body: pair(login, false) };
    login.current = makeToken("refresh", login.name);
    logins.set(login.current, login);
    return { status: 200, body: pair(login, true) };
  }

  function exchange(parameters: Record<string, string>): { status: number; body: Record<string, unknown> } {
    const code = codes.get(parameters.code ?? "");
    codes.delete(parameters.code ?? "");
    const challenge = createHash("sha256")
      .update(parameters.code_verifier ?? "")
      .digest("base64url");
    if (code === undefined || code.challenge !== challenge || code.redirectUri !== parameters.redirect_uri) {
      return { status: 400, body: { error: "invalid_grant", error_description: "Invalid code" } };
    }
    const owner = { account: { uuid: "u", email_address: "person@example.com" } };
    return { status: 200, body: { ...pair(newLogin(), true), ...owner } };
  }

  function pair(login: Login, withRefreshToken: boolean): Record<string, unknown> {
    const access = makeToken("access", login.name);
    login.access.add(access);
    return {
      token_type: "Bearer",
      access_token: access,
      expires_in: self.expiresIn,
      ...(withRefreshToken ? { refresh_token: login.current } : {}),
      scope: "user:inference",
    };
  }

  /** As a browser sees it: at once back to the redirect address, or to a page that shows the code. */
  function authorize(query: URLSearchParams, response: http.ServerResponse): void {
    const redirectUri = query.get("redirect_uri") ?? "";
    const state = query.get("state") ?? "";
    const back = new URL(redirectUri);
    if (query.get("code_challenge_method") !== "S256" || !self.consents) {
      back.search = new URLSearchParams({
        error: "access_denied",
        error_description: "No, thanks",
        state,
      }).toString();
      response.writeHead(302, { location: back.href }).end();
      return;
    }
    const code = makeToken("code");
    codes.set(code, { challenge: query.get("code_challenge") ?? "", redirectUri, state });
    if (back.protocol === "https:") {
      response.writeHead(200, { "content-type": "text/plain" }).end(`${code}#${state}`);
      return;
    }
    back.search = new URLSearchParams({ code, state }).toString();
    response.writeHead(302, { location: back.href }).end();
  }

  return self;
}

function makeToken(kind: string, name = ""): string {
  return `${kind}-${name === "" ? "" : `${name}-`}${randomBytes(12).toString("hex")}`;
}

function readParameters(request: http.IncomingMessage, body: string): Record<string, string> {
  const type = request.headers["content-type"] ?? "";
  if (type.startsWith("application/json")) return JSON.parse(body) as Record<string, string>;
  return Object.fromEntries(new URLSearchParams(body));
}
