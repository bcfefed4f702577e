// The contract of a dialect: how one kind of client speaks. Only dialects know the form of an API's errors.

import type { AccountConfig } from "../config/config.ts";
import type { Binding, Call, DialectName, HeaderMap, Operation, Thread } from "../domain/call.ts";
import type { RelayError } from "../domain/errors.ts";
import type { Family } from "../domain/family.ts";
import type { AsyncTransform } from "../sse/transform.ts";

export interface Route {
  dialect: DialectName;
  operation: Operation;
  /** Path at the provider: aliases, prefixes and doubled slashes removed, version kept. */
  path: string;
  /** The model, when the path names it; without `models/`. */
  model?: string;
  /** The answer is a stream whatever the request says: it came over a WebSocket. */
  isStreamed?: boolean;
}

/** What a dialect reads out of a request. The request itself is never changed by it. */
export interface RequestFacts {
  model: string | undefined;
  stream: boolean;
  streamForm: "sse" | "json-array" | undefined;
  /** Raw identity of the conversation before scoping and hashing; undefined when nothing identifies it. */
  session: string | undefined;
  binding: Binding | undefined;
  thread?: Thread | undefined;
  headerBudgetMs: number | undefined;
}

export interface RequestParts {
  headers: HeaderMap;
  /** "" or "?…". */
  query: string;
  /** Content-decoded copy for reading when the body had a content-encoding, else the body itself. */
  body: Buffer | undefined;
}

/** Whose accounts answer a call, and how. */
export interface Direction {
  family: Family;
  /** At the provider; see Route. */
  path: string;
  /** Whether the call is converted into that family's API. Accounts with a login do not serve it then: see Call. */
  converts: boolean;
}

/** What an error is rendered for; of the request only where it could be read. */
export interface ErrorContext extends Partial<Pick<RequestFacts, "streamForm" | "model">> {
  /** Epoch ms: a limit is sent with the time of its end where the API has such a member. */
  now: number;
}

export interface RenderedError {
  status: number;
  /** Raw pairs; `content-type` included, `content-length` not. */
  headers: string[];
  body: string;
}

/** A call rewritten into another family's API, and the way back. */
export interface Conversion {
  call: Call;
  /** What of the request was weakened or lost, by its name (`seed dropped`): sent as `x-cc-relay-warning`. */
  warnings: string[];
  /** For one good answer (status 2xx). */
  answer(head: { status: number; headers: HeaderMap }): AsyncTransform;
  /** For an error answer of the provider: status and body in the client's API. `isUnexplained`: see the failure `unexplained-refusal`. */
  error(head: { status: number; headers: HeaderMap }, body: Buffer, isUnexplained?: boolean): RenderedError;
  /** Another form of the call, when this refusal of the provider asks for one; undefined: the refusal is final. Called once. */
  again?(head: { status: number; headers: HeaderMap }, body: Buffer): Call | undefined;
}

export interface MergedModels {
  /** The answer, in the form of the API. */
  body: string;
  /** How many of the providers' answers were lists. */
  read: number;
}

export interface Dialect {
  readonly name: DialectName;
  readonly family: Family;
  /** `path` has no query. Undefined when the path does not belong to this dialect; `method` must fit too. */
  match(method: string, path: string): Route | undefined;
  /** Whether the path is this dialect's with another method: then the answer is 405, not 404. */
  knows(path: string): boolean;
  /** Throws RelayError("invalid_request") only where the dialect converts; native dialects never refuse a body. */
  read(route: Route, request: RequestParts): RequestFacts;
  /** For an API that more than one family answers, by what is asked for and the accounts there are. Absent: the dialect's own family. */
  direct?(facts: Pick<RequestFacts, "model">, accounts: readonly AccountConfig[]): Direction;
  /**
   * Whether the request begins a turn: no tool's result is on its way back to the model that asked for it. Reads the whole body;
   * absent where an API has no such thing.
   */
  opensTurn?(body: Buffer): boolean;
  /** Renders an error of the relay. In a JSON array the error is an element. */
  renderError(error: RelayError, context: ErrorContext): RenderedError;
  /** One list out of what several accounts' providers answered to GET models; ids once, first wins. What is no list is skipped. */
  mergeModels?(bodies: readonly Buffer[]): MergedModels;
  /** Present where calls are converted into the dialect's family. Throws RelayError for what cannot be mapped. */
  convert?(call: Call): Conversion | Promise<Conversion>;
}
