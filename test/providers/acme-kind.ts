// An account at Acme, with a login.

import type { AccountKind } from "../../src/account-kinds/account-kind.ts";
import { acmeLogin } from "./acme-login.ts";
import { acmeUpstream } from "./acme-upstream.ts";

export function acmeKind({ apiUrl, loginUrl }: { apiUrl: string; loginUrl: string }): AccountKind {
  return {
    type: "acme",
    family: "claude",
    credentials: ["refresh_token"],
    defaultUrl: apiUrl,
    retiredHosts: [],
    compatible: false,
    upstream: acmeUpstream,
    login: acmeLogin(loginUrl),
    modelListQuery: "",
    probe: undefined,
    labels: {
      credential: "login",
      choice: "Acme account, by OAuth",
      hint: "for every client",
      source: "login.acme.example",
    },
  };
}
