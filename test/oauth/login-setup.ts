// Logins against a scripted authorization server, and a browser that follows its redirects.

import http from "node:http";
import net from "node:net";
import type { OAuthOverrides } from "../../src/account-kinds/oauth-provider.ts";
import { createDispatchers, type Dispatchers } from "../../src/network/dispatchers.ts";
import { claudeProvider } from "../../src/oauth/claude.ts";
import { type LoginLinks, type LoginOptions, type LoginPrompts, logIn } from "../../src/oauth/login.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";

export interface LoginSite {
  server: AuthorizationServer;
  dispatchers: Dispatchers;
  /** The server's addresses, for a provider. */
  overrides(more?: OAuthOverrides): OAuthOverrides;
  /** Starts a login; resolves when its addresses are shown. */
  start(change?: Partial<Omit<LoginOptions, "prompts">> & { prompts?: Partial<LoginPrompts> }): Promise<Run>;
  close(): Promise<void>;
}

interface Run {
  links: LoginLinks;
  problems: (string | undefined)[];
  result: ReturnType<typeof logIn>;
  abort(): void;
}

interface Page {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
  url: string;
}

/** A browser: follows redirects, keeps the last page. */
export function browse(address: string, options: http.RequestOptions = {}): Promise<Page> {
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

export async function openLoginSite(): Promise<LoginSite> {
  const server = await startAuthorizationServer();
  const dispatchers = createDispatchers({ connectTimeoutMs: 1000 });
  const overrides = (more: OAuthOverrides = {}): OAuthOverrides => ({
    authorizeUrl: `${server.url}/authorize`,
    tokenUrl: `${server.url}/token`,
    ...more,
  });
  const start: LoginSite["start"] = (change = {}) =>
    new Promise((resolve) => {
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

  return {
    server,
    dispatchers,
    overrides,
    start,
    async close() {
      await dispatchers.close();
      await server.close();
    },
  };
}

export function isListening(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

export function portOf(link: string | undefined): number {
  return Number(new URL(new URL(link ?? "").searchParams.get("redirect_uri") ?? "").port);
}
