// Makes requests to Code Assist (v1internal): calls of the public Gemini API are wrapped, Code Assist's own calls only get the
// project of the account that serves them. Values are copied as bytes, so that numbers and signatures do not change.

import { createHash } from "node:crypto";
import type { Target, UpstreamRequest } from "../account-kinds/upstream.ts";
import { type Body, bodyBytes, type Call, readableBody } from "../domain/call.ts";
import { type Members, membersAt, type Span, scanMembers } from "../json/json-scan.ts";
import { addMember, applyEdits, dropMember, renameMember } from "./json-edit.ts";
import { credentialHeaders, nativeRequest, splitUrl } from "./request.ts";

export interface PublicMethod {
  /** As the client wrote it, decoded, without `models/`. */
  model: string;
  name: "generateContent" | "streamGenerateContent" | "countTokens";
}

/** What a path of the public API asks for; undefined when Code Assist has nothing like it. */
export function readPublicMethod(path: string): PublicMethod | undefined {
  // A model's own name can hold a colon: the last one separates.
  const match =
    /^\/v1(?:beta|alpha)?\/((?:models|tunedModels)\/.+):(generateContent|streamGenerateContent|countTokens)$/.exec(
      path,
    );
  if (!match) return undefined;
  return { model: decode(match[1]!).replace(/^(?:models\/)+/, ""), name: match[2] as PublicMethod["name"] };
}

export function wrapRequest(call: Call, method: PublicMethod, target: Target): UpstreamRequest {
  const { origin, prefix } = splitUrl(target.apiUrl);
  const body = readableBody(call);
  // What is not a JSON object is sent as it is: Google's own error explains it best.
  const wrapped = body && wrapBody(body, call, { method, project: projectOf(target) });
  return {
    origin,
    // Google's other query parameters (`fields`, `prettyPrint`) would change the envelope, not the answer in it.
    path: `${prefix}/v1internal:${method.name}${method.name === "streamGenerateContent" ? "?alt=sse" : ""}`,
    method: call.method,
    headers: [
      ...(wrapped ? jsonHeaders(call.headers) : call.headers),
      // The answer is rewritten, so it must not be coded.
      "accept-encoding",
      "identity",
      ...credentialHeaders(target.credential, call, "authorization"),
    ],
    body: wrapped ?? call.body,
  };
}

/** A call of Code Assist's own API: the client's bytes but for the project, which belongs to the account. */
export function internalRequest(call: Call, target: Target): UpstreamRequest {
  const project = projectOf(target);
  const keyHeader = "authorization";
  const body = project === undefined ? undefined : readableBody(call);
  const rewritten = body && project !== undefined ? withProject(body, call, project) : undefined;
  if (rewritten === undefined) return nativeRequest({ call, target, keyHeader });
  const headers = withoutHeader(call.headers, "content-encoding");
  return nativeRequest({ call: { ...call, body: rewritten }, target, keyHeader, headers });
}

function projectOf({ credential }: Target): string | undefined {
  return credential.kind === "bearer" ? credential.extras?.project : undefined;
}

function wrapBody(
  body: Buffer,
  call: Call,
  { method, project }: { method: PublicMethod; project: string | undefined },
): Body | undefined {
  const request = method.name === "countTokens" ? countRequest(body, method) : generateRequest(body, call);
  if (request === undefined) return undefined;
  if (method.name === "countTokens") return bodyOf('{"request":', request, "}");
  const projectMember = project === undefined ? "" : `"project":${JSON.stringify(project)},`;
  return bodyOf(`{"model":${JSON.stringify(method.model)},${projectMember}"request":`, request, "}");
}

/** protobuf's JSON takes both spellings, Code Assist's front end only the first. */
const aliases: Readonly<Record<string, string>> = {
  systemInstruction: "system_instruction",
  generationConfig: "generation_config",
  safetySettings: "safety_settings",
  toolConfig: "tool_config",
  cachedContent: "cached_content",
};

function generateRequest(body: Buffer, call: Call): Buffer[] | undefined {
  const names = ["model", "session_id", "sessionId", ...Object.keys(aliases), ...Object.values(aliases)];
  const members = scanMembers(body, names);
  if (members === undefined) return undefined;
  const edits = Object.entries(aliases).flatMap(([name, alias]) => {
    const aliased = members.get(alias);
    return aliased ? [renameMember(body, aliased, name)] : [];
  });
  const system = members.get("systemInstruction") ?? members.get("system_instruction");
  if (system && body[system.start] === quote) {
    edits.push({ start: system.start, end: system.start, text: '{"parts":[{"text":' });
    edits.push({ start: system.end, end: system.end, text: "}]}" });
  }
  // After what is added where it begins: the comma before it may come right after the system instruction.
  const model = members.get("model");
  if (model) edits.push(dropMember(body, model));
  if (call.sessionKey !== undefined && !members.has("session_id") && !members.has("sessionId")) {
    const id = JSON.stringify(sessionId(call.sessionKey));
    return addMember(applyEdits(body, edits), "session_id", id);
  }
  return applyEdits(body, edits);
}

/** Only the contents are counted, whichever of its two forms the body has. */
function countRequest(body: Buffer, method: PublicMethod): Buffer[] | undefined {
  const outer = scanMembers(body, ["contents", "generateContentRequest", "generate_content_request"]);
  if (outer === undefined) return undefined;
  const model = `{"model":${JSON.stringify(`models/${method.model}`)}`;
  const wrapped = outer.get("generateContentRequest") ?? outer.get("generate_content_request");
  const inner = wrapped ? body.subarray(wrapped.start, wrapped.end) : body;
  const contents = (wrapped ? scanMembers(inner, ["contents"]) : outer)?.get("contents");
  if (contents === undefined) return [Buffer.from(`${model}}`)];
  return [
    Buffer.from(`${model},"contents":`),
    inner.subarray(contents.start, contents.end),
    Buffer.from("}"),
  ];
}

/** The same for every turn of a conversation and reveals nothing about it: a UUID made of its key (version 8, RFC 9562). */
function sessionId(sessionKey: string): string {
  const bytes = createHash("sha256").update(`code-assist session ${sessionKey}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Generating calls need a project even when the client knows none; all others keep the members they have. */
function withProject(body: Buffer, call: Call, project: string): Body | undefined {
  const members = scanMembers(body, ["project", "cloudaicompanionProject", "metadata"]);
  if (members === undefined) return undefined;
  const text = JSON.stringify(project);
  const spans = ["project", "cloudaicompanionProject"].flatMap((name) => members.get(name) ?? []);
  const edits = [...spans, ...metadataProject(body, members)].map((span) => ({ ...span, text }));
  // The body is read as it was before the model's name was replaced in it.
  if (call.asked) edits.push({ ...call.asked.model, text: JSON.stringify(call.model) });
  const edited = applyEdits(body, edits);
  if (call.operation === "generate" && !members.has("project"))
    return bodyOf("", addMember(edited, "project", text), "");
  return edits.length > 0 ? bodyOf("", edited, "") : undefined;
}

function metadataProject(body: Buffer, members: Members): Span[] {
  const project = membersAt(body, ["duetProject"], members.get("metadata")).get("duetProject");
  return project ? [project] : [];
}

const quote = 0x22;

/** A small one is worth a copy: it goes out at once. */
function bodyOf(before: string, middle: readonly Buffer[], after: string): Body {
  const pieces = [Buffer.from(before), ...middle, Buffer.from(after)].filter(({ length }) => length > 0);
  return bodyBytes(pieces) <= maxJoinedBytes ? Buffer.concat(pieces) : pieces;
}

const maxJoinedBytes = 256 * 1024;

function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]?.toLowerCase() === name) return headers[at + 1];
  }
  return undefined;
}

function withoutHeader(headers: readonly string[], name: string): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]?.toLowerCase() !== name) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}

function jsonHeaders(headers: readonly string[]): string[] {
  const plain = withoutHeader(headers, "content-encoding");
  if (headerOf(headers, "content-type") === undefined) plain.push("content-type", "application/json");
  return plain;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
