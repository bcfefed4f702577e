// The OAuth provider of Claude subscriptions.

import { chooseRedirects, type OAuthOverrides, type OAuthProvider } from "../account-kinds/oauth-provider.ts";

export function claudeProvider(overrides: OAuthOverrides): OAuthProvider {
  return {
    name: "claude",
    title: "Claude",
    authorizeUrl: overrides.authorizeUrl ?? "https://claude.ai/oauth/authorize",
    // console.anthropic.com, where other programs still send it, answers 404 today.
    tokenUrl: overrides.tokenUrl ?? "https://platform.claude.com/v1/oauth/token",
    // Public: the client has no secret, PKCE takes its place. Other clients of the same login carry it too.
    clientId: overrides.clientId ?? "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
    clientSecret: overrides.clientSecret,
    // Claude Code's own list without org:create_api_key: the relay creates no keys.
    scopes: overrides.scopes ?? [
      "user:profile",
      "user:inference",
      "user:sessions:claude_code",
      "user:mcp_servers",
      "user:file_upload",
    ],
    // Asks for the page that shows the code; harmless with a loopback redirect.
    authorizeExtras: [["code", "true"]],
    redirects: chooseRedirects(
      {
        // The name, not the address: 127.0.0.1 is not registered for this client.
        loopback: { host: "localhost", port: 0, path: "/callback" },
        page: "https://platform.claude.com/oauth/code/callback",
      },
      overrides.redirectUri,
    ),
    rotates: true,
    encoding: "json",
    // Anthropic's own SDK sends it on refresh.
    refreshHeaders: ["anthropic-beta", "oauth-2025-04-20"],
    sendsState: true,
    terms: [
      "Anthropic means this login for your own, ordinary use of Claude Code.",
      "All other use needs an API key; Anthropic may end access that breaks this.",
      "cc-relay sends over it only what a Claude client of yours has itself sent.",
    ],
  };
}
