// Takes the thinking out of a conversation whose provider does not accept it: it was signed by another one. Only for accounts
// whose owner asked for it; Claude Code does the same by itself.

import type { IsMadeElsewhere } from "../account-kinds/upstream.ts";
import { type Call, readableBody, withBody } from "../domain/call.ts";
import type { Failure } from "../domain/failure.ts";
import { firstElements, membersAt, readString, type Span, scanMembers, stringAt } from "../json/json-scan.ts";
import { sealOf } from "../usage/claude-seal.ts";

/** Anthropic's two sentences about thinking that it did not sign, or not in this conversation. */
const foreignThinking =
  /\binvalid `?signature`? in `?thinking`? block|\bbound to a different conversation\b/i;

const warning = "thinking dropped";

/**
 * Undefined when the refusal is about something else, or all thinking is of the account that refuses. What another account has made goes,
 * and what nobody is known to have made where it does not look like Anthropic's own; where there is neither, all of unknown origin.
 */
export async function healSignatures(
  call: Call,
  failure: Failure,
  isMadeElsewhere: IsMadeElsewhere,
): Promise<Call | undefined> {
  if (failure.kind !== "rejected" || failure.status !== 400 || !foreignThinking.test(failure.reason))
    return undefined;
  const whole = readableBody(call);
  if (whole === undefined) return undefined;
  const known = new Map<string, boolean>();
  for (const seal of sealsIn(whole)) {
    const answer = await isMadeElsewhere(seal);
    if (answer !== undefined) known.set(seal, answer);
  }
  const healed =
    withoutThinking(call, whole, (seal) => known.get(seal) ?? !isOfAnthropic(seal)) ??
    withoutThinking(call, whole, (seal) => !known.has(seal));
  return healed && { ...withBody(call, healed), warnings: [...(call.warnings ?? []), warning] };
}

/** Whether a block of thinking goes, by what it is sealed with. */
type IsDropped = (seal: string) => boolean;

/** By how its own begin: base64 of a message of its protocol buffers. */
function isOfAnthropic(seal: string): boolean {
  return /^[ERC][\w+/]+={0,2}$/.test(seal);
}

function sealsIn(body: Buffer): Set<string> {
  const seals = new Set<string>();
  for (const message of firstElements(body, scanMembers(body, ["messages"])?.get("messages"))) {
    for (const block of firstElements(body, membersAt(body, ["content"], message).get("content"))) {
      const seal = sealOf(body, block);
      if (seal) seals.add(seal);
    }
  }
  return seals;
}

/** Every other byte stays as it was. A message that held nothing else goes as a whole. */
function withoutThinking({ model, asked }: Call, body: Buffer, isDropped: IsDropped): Buffer[] | undefined {
  const members = scanMembers(body, ["messages", "thinking"]);
  const messages = members?.get("messages");
  if (messages === undefined) return undefined;
  const kept: Buffer[][] = [];
  let isChanged = false;
  let endsInTools = false;
  for (const span of firstElements(body, messages)) {
    const message = readMessage(body, span, isDropped);
    if (message.role === "assistant") endsInTools = message.hasTools && message.loses;
    if (!message.loses) {
      kept.push([body.subarray(span.start, span.end)]);
      continue;
    }
    isChanged = true;
    if (message.rest.length > 0) kept.push(withContent(body, span, message));
  }
  if (!isChanged) return undefined;
  const edits = [{ ...messages, by: [Buffer.from("["), ...joined(kept), Buffer.from("]")] }];
  if (asked) edits.push({ ...asked.model, by: [Buffer.from(JSON.stringify(model))] });
  const thinking = members?.get("thinking");
  // With a budget the API wants every turn that calls a tool to begin with thinking.
  if (endsInTools && thinking && stringAt(body, "type", thinking) === "enabled")
    edits.push({ ...thinking, by: [Buffer.from('{"type":"disabled"}')] });
  return applied(body, edits);
}

interface Message {
  role: string | undefined;
  content: Span;
  /** Some of its blocks go. */
  loses: boolean;
  hasTools: boolean;
  /** The blocks that stay. */
  rest: Span[];
}

function readMessage(body: Buffer, span: Span, isDropped: IsDropped): Message {
  const members = membersAt(body, ["role", "content"], span);
  const content = members.get("content") ?? { start: span.end, end: span.end };
  const message: Message = {
    role: readString(body, members.get("role")),
    content,
    loses: false,
    hasTools: false,
    rest: [],
  };
  if (message.role !== "assistant") return message;
  for (const block of firstElements(body, content)) {
    if (stringAt(body, "type", block) === "tool_use") message.hasTools = true;
    const seal = sealOf(body, block);
    if (seal !== undefined && isDropped(seal)) message.loses = true;
    else message.rest.push(block);
  }
  return message;
}

function withContent(body: Buffer, { start, end }: Span, { content, rest }: Message): Buffer[] {
  const blocks = rest.map((block) => [body.subarray(block.start, block.end)]);
  return [
    body.subarray(start, content.start),
    Buffer.from("["),
    ...joined(blocks),
    Buffer.from("]"),
    body.subarray(content.end, end),
  ];
}

function joined(parts: readonly Buffer[][]): Buffer[] {
  return parts.flatMap((part, index) => (index === 0 ? part : [Buffer.from(","), ...part]));
}

function applied(body: Buffer, edits: (Span & { by: Buffer[] })[]): Buffer[] {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const { start, end, by } of edits.toSorted((a, b) => a.start - b.start)) {
    pieces.push(body.subarray(from, start), ...by);
    from = end;
  }
  return [...pieces, body.subarray(from)];
}
