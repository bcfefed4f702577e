// What has to be known about a client program: the variables that point it at the relay and what conflicts with them, and what it
// asks for. One file per client holds its own.

import type { Family } from "../domain/family.ts";

export interface ClientInfo {
  /** As a person calls it. */
  title: string;
  family: Family;
  /** What is added to the relay's origin to get the base URL. */
  path: string;
  /** The variable that holds the base URL; undefined where the client reads none. */
  urlVariable: string | undefined;
  /** The variable that holds the client key. */
  keyVariable: string;
  /** Variables that would take precedence, add a second credential, or send the requests elsewhere. */
  conflicting: readonly Conflict[];
  /** Paths of a base URL under which the relay serves this client, without a slash at the end. */
  servedPaths: readonly string[];
  /** What the client adds to the base URL by itself, and what a base URL that already has it ends in. */
  appended?: { path: string; ending: RegExp };
  ownLogin: OwnLogin;
}

export interface Conflict {
  name: string;
  /** What it does, as the end of a sentence that begins with the name. */
  effect: string;
}

/** How the client keeps its own login and still goes through the relay, whose key travels in a header beside it. */
export interface OwnLogin {
  urlVariable: string | undefined;
  /** Where the relay's key goes; undefined where the client has no place for it beside its login. */
  key: KeyHeaders | KeyVariable | undefined;
  /** What else it needs. */
  others: Readonly<Record<string, string>>;
  /** What would take the login's place. */
  replacing: readonly string[];
}

/** A variable of headers that the client adds to its requests. */
export interface KeyHeaders {
  headersVariable: string;
  /** Between two headers, and between a header's name and its value. */
  separators: readonly [headers: string, value: string];
}

/** A variable for the key alone: the client's configuration names it as the value of a header. */
export interface KeyVariable {
  keyVariable: string;
}

/** The header of the relay's key where the usual ones hold the client's own login. */
export const keyHeader = "x-cc-relay-key";

/** How a client reaches the relay. */
export interface ClientAccess {
  /** `http://HOST:PORT` */
  origin: string;
  /** The host as proxy exceptions name it: no brackets. */
  host: string;
  /** Undefined where requests are forwarded with the client's own credential. */
  key: string | undefined;
  /** The client keeps its own login, and the relay's key goes beside it. */
  ownLogin: boolean;
  /** Whether the relay offers WebSocket. */
  webSocket: boolean;
}
