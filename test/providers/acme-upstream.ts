// How Acme is spoken to: Claude's Messages API, a bearer token, and a header that names the version.

import type { Credential } from "../../src/account-kinds/credential.ts";
import type { Upstream } from "../../src/account-kinds/upstream.ts";
import { claudeUpstream } from "../../src/upstreams/claude.ts";
import { nativeRequest } from "../../src/upstreams/request.ts";

export const acmeUpstream: Upstream = {
  // Answers and errors have Claude's form, and so has their reading.
  ...claudeUpstream,
  supports: (call) => call.family === "claude" && call.operation === "generate",
  prepare: (call, target) =>
    nativeRequest({
      call,
      target,
      keyHeader: "authorization",
      headers: [...call.headers, "x-acme-version", "7", ...workspaceOf(target.credential)],
    }),
  isAccountHeader: (name) => name.startsWith("x-acme-quota-"),
};

/** What Acme adds to a login: see `extras` there. */
function workspaceOf(credential: Credential): string[] {
  const workspace = credential.kind === "bearer" ? credential.extras?.workspace : undefined;
  return workspace === undefined ? [] : ["x-acme-workspace", workspace];
}
