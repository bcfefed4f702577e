// The client's own credential, as it comes with a request: which provider made it, and how that one is spoken to.

import type { Upstream } from "../account-kinds/upstream.ts";
import { type Call, turnStateHeader } from "../call.ts";
import type { Family, ProviderName } from "../family.ts";
import { claudeUpstream } from "./claude.ts";
import { geminiUpstream, isInternal } from "./gemini.ts";
import { openaiUpstream } from "./openai.ts";

/** Whose servers the credential of a call is for: it is sent nowhere else. */
export function providerOf(call: Call): ProviderName {
  if (call.family === "gemini") return isInternal(call) ? "codeAssist" : "gemini";
  return call.family;
}

const native: Readonly<Record<Family, Upstream>> = {
  claude: claudeUpstream,
  gemini: geminiUpstream,
  openai: openaiUpstream,
};

/** Speaks to the provider of the call's family, and hides nothing: the limits are the client's own. */
export const clientUpstream: Upstream = {
  supports: (call) => isInternal(call) || native[call.family].supports(call),
  prepare: (call, target) => native[call.family].prepare(call, target),
  readFailure: (head, body, call, now) => native[call.family].readFailure(head, body, call, now),
  readErrorEvent: (event, call, now) => native[call.family].readErrorEvent(event, call, now),
  // Each reads headers of its own provider only.
  readWindows: (headers, now) =>
    Object.values(native).flatMap((upstream) => upstream.readWindows(headers, now)),
  observe: (call) => native[call.family].observe(call),
  stateHeader: turnStateHeader,
  isAccountHeader: () => false,
};
