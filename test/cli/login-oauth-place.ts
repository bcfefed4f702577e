// A place to log in to Claude with OAuth: a folder, a scripted authorization server, and a person who agrees in a browser.

import { join } from "node:path";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { agreeAt, createLoginPlace, type LoginPlace, oauthToml } from "./login-support.ts";

export interface OAuthPlace {
  readonly server: AuthorizationServer;
  /** Its configuration sends logins to the server. */
  readonly place: LoginPlace;
  /** Of that configuration; there is no such file yet. */
  readonly database: string;
  /** The refresh token in the configuration. */
  tokenInFile(): string | undefined;
  close(): Promise<void>;
}

export async function createOAuthPlace(): Promise<OAuthPlace> {
  const server = await startAuthorizationServer();
  const place = await createLoginPlace(oauthToml(server));
  return {
    server,
    place,
    database: join(place.folder, "data", "relay.db"),
    tokenInFile: () => /^refresh_token = "(.*)"$/m.exec(place.text())?.[1],
    async close() {
      await place.close();
      await server.close();
    },
  };
}

/** The choice on a terminal. */
export const choice = "Claude subscription, by OAuth";

/** Everybody who sees the first address in a browser on this machine, and agrees. */
export const agree = async (url: string) => void (await agreeAt(url));

/** A desktop, where browsers can be seen. */
export const desktop = { env: { DISPLAY: ":0" } };
