// Finds the exported functions of src/ that take text, or what text is parsed into, and makes their arguments out of a text by the
// types that their declarations name.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Call } from "../../src/domain/call.ts";
import { scanMembers } from "../../src/json/json-scan.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { claudeStanding } from "../../src/upstreams/standing.ts";
import { geminiCall, makeCall, now, openaiCall } from "../upstreams/make-call.ts";

const root = join(import.meta.dirname, "../../src");

export interface ExportedReader {
  /** `upstreams/reason.ts#reasonFrom` */
  id: string;
  file: string;
  name: string;
  parameters: Parameter[];
}

interface Parameter {
  /** "" where it is taken apart. */
  name: string;
  type: string;
  isOptional: boolean;
}

/** What text is, and what carries it. */
const carriers =
  /\b(?:string|Buffer|Uint8Array|unknown|HeaderMap|JsonObject|ReplyHead|IncomingMessage|ChatFile)\b/;

const declaration =
  /^export (?:async )?function\*? (\w+)(?:<[^(]*>)?\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)/gm;

/** Of these folders. */
export function exportedReaders(folders: readonly string[]): ExportedReader[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts") && folders.includes(file.split("/")[0]!))
    .sort()
    .flatMap((file) => readersIn(file, readFileSync(join(root, file), "utf8")));
}

export function readersIn(file: string, source: string): ExportedReader[] {
  return [...source.matchAll(declaration)].flatMap(([, name = "", list = ""]) => {
    const parameters = splitParameters(list).map(parseParameter);
    const takesText = parameters.some(({ type }) => carriers.test(type));
    return takesText ? [{ id: `${file}#${name}`, file, name, parameters }] : [];
  });
}

/** At the commas that stand in no bracket. */
function splitParameters(list: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const [index, char] of [...list].entries()) {
    if ("([{<".includes(char)) depth++;
    // The arrow of a function's type closes nothing.
    if (")]}".includes(char) || (char === ">" && list[index - 1] !== "=")) depth--;
    if (char === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += char;
  }
  return parts
    .map((part) =>
      part
        .replaceAll(/\/\*.*?\*\//gs, "")
        .replaceAll(/\s+/g, " ")
        .trim(),
    )
    .filter((part) => part !== "");
}

function parseParameter(text: string): Parameter {
  const { name, type } = /^(?<name>\{.*?\}|\w+)\??(?:: (?<type>.*?))?(?: = .*)?$/.exec(text)!.groups!;
  const isOptional = /^\w+\?/.test(text) || / = /.test(text.replaceAll("=>", ""));
  return { name: name!.startsWith("{") ? "" : name!, type: type ?? "", isOptional };
}

export interface Input {
  text: string;
  /** What a text is parsed into, or what holds it. */
  value: unknown;
}

type Make = (input: Input, reader: ExportedReader) => unknown;

/** A copy: some readers give memory back. */
const bytesOf = ({ text }: Input) => Buffer.from(text);
const headersOf: Make = ({ text }) => Object.fromEntries(headerNames.map((name) => [name, text]));
const objectOf = ({ value, text }: Input) =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? value
    : { error: { message: text }, text };
const words = ({ text }: Input) => (text.match(/.{1,64}/gs) ?? []).slice(0, 4096);

const headerNames = [
  "content-type",
  "content-encoding",
  "accept-encoding",
  "authorization",
  "cookie",
  "retry-after",
  "retry-after-ms",
  "x-api-key",
  "x-claude-code-session-id",
  "session_id",
  "anthropic-ratelimit-unified-status",
  "anthropic-ratelimit-unified-5h-reset",
  "anthropic-ratelimit-unified-5h-utilization",
  "x-ratelimit-reset-requests",
  "x-codex-primary-used-percent",
  "x-codex-primary-reset-at",
  "server",
  "cf-ray",
  "x-codex-turn-metadata",
  "transfer-encoding",
  "upgrade",
];

const calls: [RegExp, () => Call][] = [
  [/gemini|google|code-assist/, geminiCall],
  [/openai/, openaiCall],
  [/./, makeCall],
];

/** By the type as it is declared; `name: type` where the name says more. */
const makers: Readonly<Record<string, Make>> = {
  AccountKinds: () => accountKinds,
  Coding: () => "deflate",
  "{ legacyFunctions: boolean }": () => ({ legacyFunctions: true }),
  ContentPlace: () => ({
    kinds: new Set(["text", "image_url", "file"]),
    path: "messages[0]",
    warnings: new Set(),
  }),
  'Omit<ContentPlace, "kinds">': () => ({ path: "messages[0]", warnings: new Set() }),
  Place: () => ({ parameter: "metadata", warnings: new Set() }),
  ChatFile: ({ text }) => ({ file_data: `data:application/pdf;base64,${text}`, filename: text }),
  "Iterable<JsonObject>": ({ value }) => (Array.isArray(value) ? value : [value]),
  "readonly RouteRule[]": () => [
    { methods: ["POST"], pattern: /^\/v1\/models\/(?<model>[^/]+)$/, operation: "generate" },
  ],
  StandingWords: () => claudeStanding,
  "{ isRoute: boolean }": () => ({ isRoute: true }),
  "(member: unknown) => member is T": () => () => true,
  ExchangeFacts: () => ({ origin: "https://api.anthropic.com", stage: "sent", stale: false }),
  ProxySettings: () => ({ type: "http", host: "proxy", port: 8080 }),
  ResponseHeaderOptions: () => ({ bodyUnchanged: true, drop: () => false }),
  TokenAnswerHead: ({ text }) => ({ status: 400, retryAfter: text }),
  "readonly ClientKey[]": () => [{ name: "laptop", key: "key-of-the-laptop" }],
  "{ indented: boolean }": () => ({ indented: true }),
  "readonly Edit[]": () => [],
  "{ reason: string; until: number | undefined; text: string }": ({ text }) => ({
    reason: text,
    until: undefined,
    text,
  }),
  RegExp: () => /try again in\s/i,
  "{ codes: readonly (string | undefined)[]; message: string }": ({ text }) => ({
    codes: [text],
    message: text,
  }),
  Members: ({ text }) => scanMembers(Buffer.from(text), ["type", "id"]),
  AnswerShape: () => ({ marks: [{ member: "type", value: "message" }], mayHoldNothing: true }),
  "{ since: string; until: string | undefined }": ({ text }) => ({ since: text, until: text }),
  "number | undefined": () => undefined,
  string: ({ text }) => text,
  "string | undefined": ({ text }) => text,
  "string | string[] | undefined": ({ text }) => text,
  "string | number": ({ text }) => text,
  "readonly string[]": words,
  "readonly (string | undefined)[]": words,
  "refuses: readonly string[]": () => ["image", "document", "server_tools"],
  'Pick<AccountConfig, "modelMap">': () => ({ modelMap: [{ pattern: "*a*a*a*b*", model: "m" }] }),
  "readonly string[] | undefined": () => ["*a*a*a*b*", "*opus*"],
  "rawHeaders: readonly string[]": (input) => words(input).slice(0, 2000),
  "rawHeaders: readonly (string | Buffer)[]": (input) => words(input).slice(0, 2000),
  "headers: readonly string[]": (input) => words(input).slice(0, 2000),
  "names: readonly string[]": () => ["model", "messages", "stream", "error"],
  "known: readonly string[]": () => ["some-secret-of-ours", "another-secret"],
  "sought: readonly SoughtKey[]": () => [],
  "bodies: readonly Buffer[]": (input) => [bytesOf(input), bytesOf(input)],
  "prefixes: readonly string[]": () => ["/anthropic", "/openai/v1"],
  unknown: ({ value }) => value,
  "error: unknown": ({ text }) => Object.assign(new Error(text), { code: text, cause: new Error(text) }),
  Buffer: bytesOf,
  Uint8Array: bytesOf,
  "{ buffer, length }: Uint8Array": bytesOf,
  HeaderMap: headersOf,
  JsonObject: objectOf,
  "Readonly<JsonObject>": objectOf,
  ReplyHead: (input, reader) => ({ status: 429, headers: headersOf(input, reader) }),
  "{ status: number; headers: HeaderMap }": (input, reader) => ({
    status: 400,
    headers: headersOf(input, reader),
  }),
  IncomingMessage: (input, reader) => ({
    method: "POST",
    url: input.text,
    headers: headersOf(input, reader),
  }),
  Call: (_, { file }) => calls.find(([pattern]) => pattern.test(file))![1](),
  "Span | undefined": (input) => ({ start: 0, end: bytesOf(input).length }),
  Span: (input) => ({ start: 0, end: bytesOf(input).length }),
  Family: () => "claude",
  IsRelayKey: () => () => false,
  "Set<string>": () => new Set(),
  "ReadonlySet<string>": () => new Set(),
  boolean: () => false,
  number: () => 80,
  "now: number": () => now,
  "status: number": () => 400,
  "start: number": () => 0,
  "end: number": (input) => bytesOf(input).length,
};

/** The arguments that it is called with; undefined where no text makes one of the types. */
export function argumentsOf(reader: ExportedReader): ((input: Input) => unknown[]) | undefined {
  const needed = reader.parameters.filter(
    ({ isOptional, name, type }) => !isOptional || makers[`${name}: ${type}`],
  );
  const makes = needed.map(({ name, type }) => makers[`${name}: ${type}`] ?? makers[type]);
  if (makes.some((make) => make === undefined)) return undefined;
  return (input) => makes.map((make) => make!(input, reader));
}
