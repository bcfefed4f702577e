// The contract of an upstream: prepares requests to a provider and reads its answers, for one kind of account.

import type { Body, Call, HeaderMap } from "../domain/call.ts";
import type { Failure } from "../domain/failure.ts";
import type { AnswerTransform } from "../sse/transform.ts";
import type { AnswerObserver } from "../usage/observer.ts";
import type { Window } from "../usage/window.ts";
import type { Credential } from "./credential.ts";

export interface Target {
  /** No trailing slash; see AccountConfig.apiUrl. */
  apiUrl: string;
  credential: Credential;
  /** It is not the provider itself: what is the client's own business there is none of this host's. */
  isForeign?: boolean;
}

export interface UpstreamRequest {
  /** scheme://host[:port] */
  origin: string;
  /** Path and query. */
  path: string;
  method: string;
  /** Raw pairs, credential and accept-encoding included; no host, no content-length. */
  headers: string[];
  body: Body | undefined;
}

export interface ReplyHead {
  status: number;
  headers: HeaderMap;
}

/** What a frame says of the exchange, beside what observers read in it. */
export interface ProviderFrame {
  /** It speaks of the account's own limits, and is no part of an answer. */
  isLimits: boolean;
  /** Nothing follows for this request. */
  isLast: boolean;
  /** Of an error: the status and the headers with which HTTP would have answered. */
  status: number | undefined;
  headers: HeaderMap;
  /** The response that the frame belongs to, where it says so. */
  responseId: string | undefined;
}

/** How an API is spoken over a WebSocket: each request and each event of its answer is one text frame. */
export interface SocketProtocol {
  readFrame(frame: Buffer): ProviderFrame;
  /** Windows that a frame with `isLimits` reports. */
  readWindows(frame: Buffer, now: number): Window[];
  /** Each push is one whole frame. */
  observe(): AnswerObserver;
  /** Whether frames with `isLimits` are kept from the client. */
  hidesLimits: boolean;
}

/** Whether another account has made the thinking that is sealed so; undefined when nobody is known to have made it. */
export type IsMadeElsewhere = (seal: string) => Promise<boolean | undefined>;

export interface Upstream {
  /** Whether this kind of account has the operation at all (Code Assist has no embeddings). */
  supports(call: Call): boolean;
  prepare(call: Call, target: Target): UpstreamRequest;
  /** Reads an answer with an error status. `body` is decoded and limited to 256 KiB. */
  readFailure(head: ReplyHead, body: Buffer, call: Call, now: number): Failure;
  /** Reads an error that came as the first event after a 200. */
  readErrorEvent(event: unknown, call: Call, now: number): Failure;
  /** Windows the headers report; empty when they say nothing. */
  readWindows(headers: HeaderMap, now: number): Window[];
  /** Watches a good answer, whatever its head says that it is. */
  observe(call: Call): AnswerObserver;
  /** The call as it can be accepted after this refusal, for accounts whose owner allows it; undefined: it cannot. */
  heal?(call: Call, failure: Failure, isMadeElsewhere: IsMadeElsewhere): Promise<Call | undefined>;
  /** What turns this provider's answers to the call into those of its dialect; undefined: the bytes are the same. */
  translate?(call: Call): (() => AnswerTransform) | undefined;
  /** The header (lower case) of state that a client sends back and only this account understands; undefined: the provider has no such header. */
  readonly stateHeader?: string;
  /** Response headers (lower case) that speak of the account's own limits and are not passed on when it is pooled. */
  isAccountHeader(name: string): boolean;
  /** Undefined or absent: the API has no WebSocket for the call. */
  socketFor?(call: Call): SocketProtocol | undefined;
}
