// Logging in at Acme.

import type { LoginSource } from "../../src/account-kinds/account-kind.ts";
import { chooseRedirects } from "../../src/account-kinds/oauth-provider.ts";

/** `origin` is https://login.acme.example, but in tests. */
export function acmeLogin(origin: string): LoginSource {
  return {
    section: "acme",
    extras: {
      title: "workspace",
      service: "Acme",
      keys: { workspace: { expected: "a workspace", write: 'workspace = "my-team"' } },
      // The second part of each token. Where a request has to find it out, `search` says whom to ask and by which connection.
      async find({ accessToken }) {
        const workspace = accessToken.split("-")[1];
        if (workspace !== undefined) return { ok: true, extras: { workspace } };
        return { ok: false, kind: "refused", detail: "its token names no workspace" };
      },
    },
    provider: (overrides) => ({
      name: "acme",
      title: "Acme",
      authorizeUrl: overrides.authorizeUrl ?? `${origin}/authorize`,
      tokenUrl: overrides.tokenUrl ?? `${origin}/token`,
      clientId: overrides.clientId ?? "cc-relay",
      clientSecret: overrides.clientSecret,
      scopes: overrides.scopes ?? ["inference"],
      authorizeExtras: [],
      redirects: chooseRedirects(
        { loopback: { host: "localhost", port: 0, path: "/callback" }, page: undefined },
        overrides.redirectUri,
      ),
      rotates: true,
      encoding: "json",
      refreshHeaders: [],
      sendsState: false,
      terms: [
        "Acme means this login for your own use.",
        "All other use needs an API key.",
        "cc-relay sends over it only what a client of yours has itself sent.",
      ],
    }),
  };
}
