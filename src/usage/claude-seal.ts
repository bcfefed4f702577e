// What blocks of thinking are sealed with: a signature, or the redacted thinking itself. It says which provider made them.

import { membersAt, readString, type Span } from "../json/json-scan.ts";

const sealed = /^(?:(?:redacted_)?thinking|signature_delta)$/;

/** Of a block, or of the event that brings its signature. Undefined: it is no thinking. Empty: nobody has signed it. */
export function sealOf(json: Buffer, block: Span): string | undefined {
  const members = membersAt(json, ["type", "signature", "data"], block);
  if (!sealed.test(readString(json, members.get("type")) ?? "")) return undefined;
  return readString(json, members.get("signature") ?? members.get("data")) ?? "";
}
