// The Chat Completions dialect: OpenAI's older API. Accounts of the openai family get its requests as they come; for Claude's
// models they are converted to Claude Messages and the answers back.

import type { AccountConfig } from "../../config/config.ts";
import { type Call, type HeaderMap, wholeBody } from "../../domain/call.ts";
import { matchesModel, namesModel } from "../../domain/model-scope.ts";
import {
  type Members,
  membersAt,
  readBoolean,
  readString,
  type Span,
  scanMembers,
  stringAt,
} from "../../json/json-scan.ts";
import { contentText, elementsAt, lastSaid, scanBody } from "../body-text.ts";
import type { Conversion, Dialect, Direction, RequestFacts, RequestParts } from "../dialect.ts";
import { collapseSlashes } from "../routes.ts";
import { sessionFromHeaders, sessionFromText } from "../session.ts";
import { createAnswer } from "./answer-transform.ts";
import { type ConvertedBody, parseText, withMaxTokens, withOpeningUser, withoutMark } from "./conversion.ts";
import { type ConversionThread, createConversionThread } from "./conversion-thread.ts";
import { isFirstRoleRefusal, renderProviderError, renderRelayError, roomForAnswer } from "./errors.ts";
import { upstreamHeaders } from "./headers.ts";
import { InvalidChatRequest } from "./invalid.ts";
import { limitWarning } from "./request/convert.ts";

export const chatDialect: Dialect = createChatDialect({ now: Date.now, thread: createConversionThread() });

export interface ChatDialectOptions {
  /** Epoch ms, for the `created` of answers. */
  now: () => number;
  thread: ConversionThread;
}

export function createChatDialect({ now, thread }: ChatDialectOptions): Dialect {
  return {
    name: "chat",
    family: "claude",
    match: (method, path) =>
      method === "POST" && knows(path)
        ? { dialect: "chat", operation: "generate", path: "/v1/chat/completions" }
        : undefined,
    knows,
    read: (_route, request) => readFacts(request),
    direct: ({ model = "" }, accounts) => directChat(model, accounts),
    opensTurn: (body) =>
      stringAt(body, "role", lastSaid(body, scanMembers(body, ["messages"])?.get("messages"))) !== "tool",
    renderError: (error) => renderRelayError(error),
    convert(call) {
      const converted = thread.convert(wholeBody(call.body ?? []));
      return converted instanceof Promise
        ? converted.then((body) => conversionOf(call, body, { now, thread }))
        : conversionOf(call, converted, { now, thread });
    },
  };
}

function knows(path: string): boolean {
  return /^(?:\/openai)?\/v1\/chat\/completions$/.test(collapseSlashes(path));
}

function readFacts({ headers, ...request }: RequestParts): RequestFacts {
  const body = withoutMark(request.body ?? Buffer.alloc(0));
  const { members } = scanBody(body, ["model", "stream", "prompt_cache_key", "messages"], []);
  const model = readString(body, members.get("model"))?.trim();
  if (!model) throw missingModel(body, members);
  const stream = readBoolean(body, members.get("stream")) === true;
  return {
    model,
    stream,
    streamForm: stream ? "sse" : undefined,
    session: readSession(headers, body, members),
    binding: undefined,
    headerBudgetMs: undefined,
  };
}

/** Parsing the whole gives a more exact error, as long as that delays no other request: this request is sent nowhere. */
function missingModel(body: Buffer, members: Members): InvalidChatRequest {
  if (!members.has("model") && body.length < maxParsedBytes) parseText(body.toString());
  return new InvalidChatRequest("model", "is required, and must be the id of a model.");
}

function readSession(headers: HeaderMap, body: Buffer, members: Members): string | undefined {
  return (
    sessionFromHeaders(headers) ??
    (readString(body, members.get("prompt_cache_key")) || undefined) ??
    sessionFromText(openingTexts(body, members.get("messages")))
  );
}

/** The text of the system messages at the front and of the first message of the user. */
function openingTexts(body: Buffer, messages: Span | undefined): string[] {
  const system: string[] = [];
  for (const message of elementsAt(body, messages)) {
    const members = membersAt(body, ["role", "content"], message);
    const role = readString(body, members.get("role"));
    if (role === "user") return [system.join("\n"), contentText(body, members.get("content"))];
    if (role === "system" || role === "developer") system.push(contentText(body, members.get("content")));
  }
  return [system.join("\n"), ""];
}

const maxParsedBytes = 64 * 1024;

function conversionOf(call: Call, converted: ConvertedBody, { now, thread }: ChatDialectOptions): Conversion {
  const { model, warnings, form, isStreamed } = converted;
  const body = Buffer.from(converted.bytes.buffer, converted.bytes.byteOffset, converted.bytes.byteLength);
  const sent: Call = {
    ...call,
    path: "/v1/messages",
    // Parameters in the query are the OpenAI API's (Azure's `api-version`).
    query: "",
    clientQuery: "",
    headers: upstreamHeaders(call.headers),
    acceptEncoding: undefined,
    body,
    decodedBody: undefined,
    model,
    stream: isStreamed,
    streamForm: isStreamed ? "sse" : undefined,
    isCollected: isStreamed && !form.stream,
  };
  return {
    call: sent,
    warnings,
    answer: ({ headers }) => createAnswer({ head: { headers }, form, now: now() }, thread),
    error: (head, refusal, isUnexplained) =>
      renderProviderError(head, refusal, { isUnexplained, now: now() }),
    again({ status }, refusal) {
      if (!converted.opensWithUser && isFirstRoleRefusal(status, refusal))
        return { ...sent, body: withOpeningUser(body) };
      const room = converted.isLimitOurs ? roomForAnswer(status, refusal) : undefined;
      if (room === undefined) return undefined;
      warnings.splice(
        warnings.findLastIndex((each) => each.startsWith("max_tokens ")),
        1,
        limitWarning(room),
      );
      return { ...sent, body: withMaxTokens(body, room) };
    },
  };
}

/**
 * Who answers: the owner's configuration decides first, then the model's name; lists of models are not asked for it. A pattern that fits
 * everything names nothing: an account with names of its own for all models takes those that the other family has no account for.
 */
function directChat(model: string, accounts: readonly AccountConfig[]): Direction {
  const enabled = accounts.filter((account) => account.enabled && canChat(account));
  const isNamedBy = (direction: Direction) =>
    enabled.some((account) => account.family === direction.family && names(account, model));
  if (isNamedBy(native)) return native;
  const usual = /^claude/i.test(model) || isNamedBy(converted) ? converted : native;
  if (enabled.some(({ family }) => family === usual.family)) return usual;
  const other = usual === native ? converted : native;
  const takesAll = (account: AccountConfig) =>
    account.family === other.family && account.modelMap !== undefined && takes(account, model);
  return enabled.some(takesAll) ? other : usual;
}

const converted: Direction = {
  family: "claude",
  path: "/v1/messages",
  converts: true,
};

const native: Direction = {
  family: "openai",
  path: "/v1/chat/completions",
  converts: false,
};

/** See Call: a login does not serve what was converted. */
function canChat({ family, kind }: AccountConfig): boolean {
  return family !== converted.family || kind.credentials.includes("api_key");
}

function names(account: AccountConfig, model: string): boolean {
  const isNamed = namesModel(account.models, model) || namesModel(mappedBy(account), model);
  return isNamed && takes(account, model);
}

function takes(account: AccountConfig, model: string): boolean {
  return matchesModel(account.models, model) && matchesModel(mappedBy(account), model);
}

function mappedBy({ modelMap }: AccountConfig): string[] | undefined {
  return modelMap?.map(({ pattern }) => pattern);
}
