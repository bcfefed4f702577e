// The loopback server that waits for the browser to come back from a login, and shows there how it ended.

import { createHash } from "node:crypto";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hostAllowed } from "../network/host-guard.ts";
import { http } from "../network/http.ts";
import { isSameSecret } from "./pkce.ts";

export interface CallbackOptions {
  /** 0: any free one. */
  port: number;
  path: string;
  state: string;
}

/** How a login ended, for the page in the browser. */
export interface CallbackVerdict {
  ok: boolean;
  text: string;
}

export type Callback =
  /** `show` shows the page; the browser waits for it. */
  | { kind: "code"; code: string; show(verdict: CallbackVerdict): void }
  /** The person or the provider refused; the provider's text. */
  | { kind: "denied"; text: string };

export interface CallbackServer {
  readonly port: number;
  /** The first answer with the right state; every later one gets a page that says the login is over. */
  readonly callback: Promise<Callback>;
  close(): Promise<void>;
}

/** Rejects when the wanted port is taken. */
export async function startCallbackServer(options: CallbackOptions): Promise<CallbackServer> {
  const { promise, resolve } = Promise.withResolvers<Callback>();
  let over = false;

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const url = readTarget(request.url ?? "/");
    const isOurs = hostAllowed({ hostHeader: request.headers.host, boundLoopback: true, allowedHosts: [] });
    if (!isOurs || url?.pathname !== options.path || request.method !== "GET") {
      return send(response, callbackPage(404, "Nothing here", "This address only takes the end of a login."));
    }
    // Any page can send a browser here: whatever lacks the state is no part of this login and does not end it.
    if (!isSameSecret(url.searchParams.get("state") ?? "", options.state)) {
      return send(
        response,
        callbackPage(
          400,
          "Not this login",
          "This answer belongs to another login. Start it again from the terminal.",
        ),
      );
    }
    if (over) {
      return send(
        response,
        callbackPage(410, "Already done", "This login is over. You can close this page."),
      );
    }
    const error = url.searchParams.get("error");
    const code = url.searchParams.get("code");
    if (error === null && (code === null || code === "")) {
      return send(
        response,
        callbackPage(400, "No code", "The answer holds no code. Start the login again from the terminal."),
      );
    }
    over = true;
    if (error !== null) {
      const text = url.searchParams.get("error_description") ?? error;
      send(response, callbackPage(200, "Not logged in", text));
      resolve({ kind: "denied", text });
      return;
    }
    resolve({ kind: "code", code: code as string, show: (verdict) => send(response, verdictPage(verdict)) });
  }

  const servers = await listen(options.port, handle);
  return {
    port: (servers[0]!.address() as AddressInfo).port,
    callback: promise,
    async close() {
      await Promise.all(servers.map(closeServer));
    },
  };
}

/** Undefined for a target that is not a URL: any program of this machine can send `GET //` or `/\\`. */
function readTarget(target: string): URL | undefined {
  const base = "http://localhost";
  return URL.canParse(target, base) ? new URL(target, base) : undefined;
}

function verdictPage({ ok, text }: CallbackVerdict): CallbackPage {
  return callbackPage(200, ok ? "Logged in" : "Not logged in", text);
}

function send(response: ServerResponse, page: CallbackPage): void {
  if (!response.headersSent) response.writeHead(page.status, page.headers).end(page.body);
}

const maxTries = 10;

/** The name localhost means 127.0.0.1 to one browser and ::1 to the next, so both listen on the same port. */
async function listen(port: number, handle: RequestListener): Promise<Server[]> {
  for (let round = 1; ; round++) {
    const first = await listenOn("127.0.0.1", port, handle);
    try {
      return [first, await listenOn("::1", (first.address() as AddressInfo).port, handle)];
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // A machine without IPv6 has no browser that uses it either.
      if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") return [first];
      await closeServer(first);
      if (code !== "EADDRINUSE" || port !== 0 || round === maxTries) throw error;
    }
  }
}

function listenOn(host: string, port: number, handle: RequestListener): Promise<Server> {
  const server = http.createServer((request, response) => {
    // One bad request must never end a login, whatever it is.
    try {
      handle(request, response);
    } catch {
      response.destroy();
    }
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      server.on("error", () => {});
      resolve(server);
    });
  });
}

/** Answers under way get a moment to leave: the page is the last thing a person sees. */
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = setTimeout(() => server.closeAllConnections(), 500);
  server.closeIdleConnections();
  await closed;
  clearTimeout(timer);
}

export interface CallbackPage {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** `title` and `text` are shown as text, whatever is in them, and of a long text its beginning. */
export function callbackPage(status: number, title: string, text: string): CallbackPage {
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
<main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(text.slice(0, maxShown))}</p></main>
</html>
`;
  return {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      "cache-control": "no-store",
      // The address holds the code: it must not travel on.
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      connection: "close",
    },
    body,
  };
}

const maxShown = 2000;
const style =
  "body{font:1rem/1.5 system-ui,sans-serif;display:grid;place-content:center;min-height:90vh;margin:0;padding:1rem}" +
  "main{max-width:32rem}h1{font-size:1.25rem;margin:0}";

const styleHash = createHash("sha256").update(style).digest("base64");

/** Each character by itself: a replacement that is called for every one takes ten times as long. */
function escapeHtml(text: string): string {
  let escaped = text;
  for (const character of "&<>\"'") escaped = escaped.replaceAll(character, `&#${character.charCodeAt(0)};`);
  return escaped;
}
