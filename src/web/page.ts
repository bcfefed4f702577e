// The routes of the page: `/ui` with its files and data, and `/status`. Everything is read-only but signing in.

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Config } from "../config/config.ts";
import type { DoctorDocument } from "../documents/types.ts";
import { RelayError, UserError } from "../domain/errors.ts";
import { parseJson, stringField } from "../json/json-values.ts";
import type { LiveView } from "../live/live.ts";
import type { Store } from "../store/store.ts";
import { type Assets, createAssets } from "./assets.ts";
import { readRequestDetail, readRequestList } from "./request-data.ts";
import { setSecurityHeaders } from "./security-headers.ts";
import {
  cookieName,
  createSessions,
  isSignedIn,
  mayReadStatus,
  notSignedIn,
  type Sessions,
  sessionCookie,
} from "./sessions.ts";
import { useCode } from "./sign-in-code.ts";
import { followStatus } from "./status-route.ts";
import { readUsageCsv, readUsageSeries } from "./usage-data.ts";

export interface Page {
  /** Whether the request carries the cookie of a session that has not ended. */
  isSignedIn(headers: IncomingHttpHeaders): boolean;
  /** Whether the path was one of the page's, and has been answered. Throws RelayError. Host and Origin were checked before. */
  answer(exchange: PageExchange): Promise<boolean>;
}

export interface PageExchange {
  request: IncomingMessage;
  response: ServerResponse;
  path: string;
  /** "" or "?…". */
  query: string;
}

export interface PageOptions {
  config(): Config;
  /** The relay is bound to a loopback address only: the page is on unless it is turned off. */
  boundLoopback: boolean;
  store: Pick<Store, "usage" | "requests">;
  live: LiveView;
  /** Runs the checks of `cc-relay doctor`; undefined where the relay is no program of its own. */
  examine: (() => Promise<DoctorDocument>) | undefined;
  /** Epoch ms. */
  now: () => number;
  assets?: Assets;
}

export function createPage(options: PageOptions): Page {
  const parts: Parts = {
    ...options,
    sessions: createSessions(),
    assets: options.assets ?? createAssets(),
  };
  return {
    isSignedIn: (headers) => isSignedIn({ headers, sessions: parts.sessions, now: parts.now() }),
    async answer(exchange) {
      const { path } = exchange;
      if (path === "/status") {
        await answerStatus(parts, exchange);
        return true;
      }
      if (path !== "/ui" && !path.startsWith("/ui/")) return false;
      setSecurityHeaders(exchange.response);
      if (!isOn(parts)) throw turnedOff();
      if (path === "/ui/session") await signIn(parts, exchange);
      else if (path.startsWith(dataPath)) await answerData(parts, exchange);
      else await answerFile(parts, exchange);
      return true;
    },
  };
}

interface Parts extends PageOptions {
  sessions: Sessions;
  assets: Assets;
}

const dataPath = "/ui/data/";
const indexFile = "page/index.html";

function isOn({ config, boundLoopback }: PageOptions): boolean {
  return config().ui.enabled ?? boundLoopback;
}

function turnedOff(): RelayError {
  return new RelayError(
    "not_found",
    "The page is turned off; set enabled = true under [ui] in config.toml.",
    {
      shouldRetry: false,
    },
  );
}

async function answerStatus(
  { live, config, sessions, now }: Parts,
  { request, response, query }: PageExchange,
): Promise<void> {
  setSecurityHeaders(response);
  mayReadStatus({ headers: request.headers, query, keys: config().apiKeys, sessions, now: now() });
  takeOnly(request, response, "GET");
  if (new URLSearchParams(query).has("follow")) return followStatus(live, response);
  sendJson(response, await live.status());
}

/** The code leaves the address's fragment in the body of this one request, and works once. */
async function signIn({ config, sessions, now }: Parts, { request, response }: PageExchange): Promise<void> {
  takeOnly(request, response, "POST");
  // A form of another origin cannot send this type without asking first; Origin has been checked before.
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? ""))
    throw badRequest("the body is not JSON");
  const code = stringField(parseJson(await readSmallBody(request)), "code") ?? "";
  if (!(await useCode(config().server.databasePath, code, now()))) {
    throw new RelayError(
      "invalid_key",
      "The code of this address has been used or is older than a minute; run again: cc-relay web",
      { shouldRetry: false },
    );
  }
  const cookie = sessionCookie(cookieName(request.headers.host), sessions.begin(now()));
  response.writeHead(204, { "set-cookie": cookie }).end();
}

const maxSignInBytes = 1024;

async function readSmallBody(request: IncomingMessage): Promise<string> {
  let text = "";
  request.setEncoding("latin1");
  for await (const piece of request as AsyncIterable<string>) {
    text += piece;
    if (text.length > maxSignInBytes) throw badRequest("the body is too long");
  }
  return text;
}

async function answerData(parts: Parts, { request, response, path, query }: PageExchange): Promise<void> {
  const { sessions, store, live, now } = parts;
  if (!isSignedIn({ headers: request.headers, sessions, now: now() })) throw notSignedIn();
  takeOnly(request, response, "GET");
  const parameters = new URLSearchParams(query);
  const [name = "", id, ...others] = path.slice(dataPath.length).split("/");
  if (others.length > 0 || (id !== undefined && name !== "requests")) throw noSuchData();
  switch (name) {
    case "usage":
      return sendJson(response, await fromQuery(() => readUsageSeries(store, parameters, now())));
    case "usage.csv": {
      const csv = await fromQuery(() => readUsageCsv(store, parameters, now()));
      response
        .writeHead(200, {
          "content-type": "text/csv; charset=utf-8",
          "content-disposition": 'attachment; filename="cc-relay-usage.csv"',
        })
        .end(csv);
      return;
    }
    case "requests": {
      if (id === undefined)
        return sendJson(response, await fromQuery(() => readRequestList(store, parameters, now())));
      const detail = await readRequestDetail({ store, live }, id);
      if (detail === undefined) throw noSuchRequest();
      return sendJson(response, detail);
    }
    case "doctor":
      if (parts.examine === undefined) throw noSuchData();
      return sendJson(response, await parts.examine());
    default:
      throw noSuchData();
  }
}

/** A wrong parameter is the asker's mistake. */
async function fromQuery<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof UserError ? badRequest(error.message) : error;
  }
}

async function answerFile({ assets }: Parts, { request, response, path }: PageExchange): Promise<void> {
  takeOnly(request, response, "GET", "HEAD");
  const name = path === "/ui" || path === "/ui/" ? indexFile : path.slice("/ui/".length);
  const asset = await assets.find(name);
  if (asset === undefined) {
    const isWhole = (await assets.find(indexFile)) !== undefined;
    const message = isWhole ? "The page has no such file." : "The page is not built; run: npm run build";
    throw new RelayError("not_found", message, { shouldRetry: false });
  }
  const { contentType, body } = asset;
  response.writeHead(200, { "content-type": contentType, "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

function takeOnly(request: IncomingMessage, response: ServerResponse, ...methods: string[]): void {
  if (methods.includes(request.method ?? "")) return;
  response.setHeader("allow", methods.join(", "));
  throw new RelayError("method_not_allowed", `This takes ${methods.join(" or ")} only.`, {
    shouldRetry: false,
  });
}

function badRequest(message: string): RelayError {
  return new RelayError("invalid_request", message, { shouldRetry: false });
}

function noSuchData(): RelayError {
  return new RelayError("not_found", "There is nothing of that name.", { shouldRetry: false });
}

function noSuchRequest(): RelayError {
  const message = "No request of this id is recorded; it may be older than usage.retention_days.";
  return new RelayError("not_found", message, { shouldRetry: false });
}

function sendJson(response: ServerResponse, value: unknown): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
}
