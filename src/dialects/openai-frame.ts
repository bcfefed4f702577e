// What clients of the Responses API send over a WebSocket, as far as the relay has to know it.

import type { HeaderMap } from "../domain/call.ts";
import { readBoolean, readString, type SoughtKey, scanObject } from "../json/json-scan.ts";
import { parseJson, stringField } from "../json/json-values.ts";

export interface ClientFrame {
  /** It asks for an answer. Frames of other types (`response.cancel`) speak of one that is under way. */
  isRequest: boolean;
  /** `generate: false`: it only prepares the next request. */
  isWarmUp: boolean;
  /** It names the response that it continues. */
  isContinuation: boolean;
  /** It carries what was encrypted for the account that gave it: reasoning, a compaction. */
  hasEncrypted: boolean;
}

/** Only the account that encrypted it can read it. */
export const encrypted: SoughtKey = { key: "encrypted_content", accepts: (value) => value !== "" };

/** What cannot be read counts as a request: the provider says what is wrong with it. */
export function readClientFrame(frame: Buffer): ClientFrame {
  const scanned = scanObject(frame, ["type", "generate", "previous_response_id"], [encrypted]);
  const members = scanned?.members;
  const type = readString(frame, members?.get("type"));
  return {
    isRequest: type === undefined || type === "response.create" || type === "response.append",
    isWarmUp: readBoolean(frame, members?.get("generate")) === false,
    isContinuation: Boolean(readString(frame, members?.get("previous_response_id"))),
    hasEncrypted: scanned?.strings.has(encrypted.key) === true,
  };
}

/** The model that Codex names already when it opens a connection. */
export function readOpeningModel(headers: HeaderMap): string | undefined {
  const hint = /(?:^|[;,\s])model=([^;,\s]+)/.exec(headers["x-codex-routing-hint"]?.toString() ?? "")?.[1];
  return hint ?? stringField(parseJson(headers["x-codex-turn-metadata"]?.toString() ?? ""), "model");
}
