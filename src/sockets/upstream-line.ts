// The provider's side of a client's connection: open to one account at a time, and opened anew where another one is asked.

import { hash } from "node:crypto";
import type { Credential } from "../account-kinds/credential.ts";
import type { UpstreamRequest } from "../account-kinds/upstream.ts";
import type { Account } from "../accounts/account.ts";
import type { AccountConfig, Config } from "../config/config.ts";
import type { Call } from "../domain/call.ts";
import { asError, stackOf } from "../domain/errors.ts";
import type { Failure } from "../domain/failure.ts";
import { type DialHead, dialWebSocket } from "../network/web-socket.ts";
import type { RelayDeps } from "../relay/exchange.ts";
import { failureOf } from "../relay/network-failure.ts";
import { isRenamedBy } from "../relay/replace-model.ts";
import { prepare, type Sending } from "../relay/transport.ts";
import { timeLimit } from "../time/abort.ts";
import { addressOf } from "../upstreams/client.ts";
import type { Endpoints } from "./endpoints.ts";
import { FrameSocket } from "./frame-socket.ts";

export interface LineOptions {
  endpoints: Endpoints;
  /** Where clients' own logins go. */
  providerUrls(): Config["upstream"]["providerUrls"];
  /** A frame that came while no request was under way. */
  onIdleFrame(frame: Buffer): void;
  /** The socket in use has closed, from either side. */
  onClose(code: number, reason: Buffer): void;
}

export type Opened =
  | { ok: true; socket: FrameSocket; head: DialHead | undefined }
  /** `refusedWith`: the status of the provider's answer to the upgrade, where it gave one. */
  | { ok: false; failure: Failure; refusedWith?: number | undefined };

/** A provider that accepts the connection and then says nothing. */
const handshakeTimeoutMs = 15_000;
/** Ids of earlier responses that a client may still name. */
const maxResponses = 64;

export class UpstreamLine {
  readonly #options: LineOptions;
  readonly #responses = new Set<string>();
  #open: FrameSocket | undefined;
  #settings = "";

  constructor(options: LineOptions) {
    this.#options = options;
  }

  get accountId(): string | undefined {
    return this.#open?.accountId;
  }

  /** Epoch ms; undefined while it is closed. */
  get openedAt(): number | undefined {
    return this.#open?.openedAt;
  }

  /** Whether it was opened with another address, key or proxy than the account has now. */
  isOutdated(config: AccountConfig): boolean {
    return this.#open !== undefined && this.#settings !== settingsOf(config);
  }

  canLeadTo({ config }: Account, call: Call): boolean {
    const { endpoints, providerUrls } = this.#options;
    // Frames are never edited, so that no other name can take the model's place.
    if (isRenamedBy(config, call.model)) return false;
    if (config.kind.upstream.socketFor?.(call) === undefined) return false;
    return !endpoints.hasNone(addressOf(config, call, providerUrls()));
  }

  /** The socket to the sending's account: the one that is open, or another. Never rejects. */
  async open(sending: Sending, deps: RelayDeps): Promise<Opened> {
    const { account, call, credential } = sending;
    const key = keyOf(account, credential, call);
    if (this.#open?.isOpen && this.#open.key === key)
      return { ok: true, socket: this.#open, head: undefined };
    if (call.binding?.kind === "response" && this.#responses.has(call.binding.id)) return lost();
    this.abandon();
    const dialled = await this.#dial(sending, deps);
    if (!dialled.ok) return dialled;
    const { socket, head, protocol, origin } = dialled;
    this.#settings = settingsOf(account.config);
    const open = new FrameSocket({
      ...{ socket, protocol, origin, key },
      accountId: account.config.id,
      openedAt: deps.now(),
      onIdleFrame: this.#options.onIdleFrame,
      onLimits: (frame) => {
        if (!account.passthrough) deps.pool.learn(account, protocol.readWindows(frame, deps.now()));
      },
      onResponse: (id) => this.#remember(id),
      onFault: (error) =>
        deps.log.error({ account: account.config.id, err: stackOf(error) }, "internal error"),
      onClose: (code, reason) => {
        if (this.#open === open) this.#open = undefined;
        this.#options.onClose(code, reason);
      },
    });
    this.#open = open;
    return { ok: true, socket: open, head };
  }

  /** What the provider has not read yet. */
  get waitingBytes(): number {
    return this.#open?.waitingBytes ?? 0;
  }

  send(frame: Buffer): void {
    this.#open?.send(frame);
  }

  /** Closes it and forgets it, without a report. */
  abandon(): void {
    this.#open?.abandon();
    this.#open = undefined;
  }

  close(code: number, reason?: Buffer): void {
    this.#open?.close(code, reason);
  }

  async #dial(sending: Sending, deps: RelayDeps) {
    const { account, call, upstream, timeouts, signal } = sending;
    const { config, passthrough } = account;
    const protocol = upstream.socketFor?.(call);
    if (protocol === undefined) return none(0);
    const { providerUrls, endpoints } = this.#options;
    const limit = timeLimit(Math.min(timeouts.firstByteMs, handshakeTimeoutMs), signal);
    try {
      const request = prepare(sending, providerUrls());
      const dialled = await dialWebSocket({
        origin: request.origin,
        path: request.path,
        headers: openingHeaders(request, call),
        connect: deps.dispatchers.connector(config.id, config.proxy),
        maxMessageBytes: deps.config().server.maxBodyBytes,
        signal: limit.signal,
      });
      const { head } = dialled;
      if (dialled.kind === "open") {
        return { ok: true as const, socket: dialled.socket, head, protocol, origin: request.origin };
      }
      if (!passthrough) deps.pool.learn(account, upstream.readWindows(head.headers, deps.now()));
      if (endpoints.refused(addressOf(config, call, providerUrls()), head.status)) return none(head.status);
      return refusal(upstream.readFailure(head, dialled.body, call, deps.now()), head.status);
    } catch (error) {
      if (signal.aborted) return refusal({ kind: "aborted" });
      return refusal(failureOf(asError(error), false));
    } finally {
      limit.clear();
    }
  }

  #remember(id: string): void {
    this.#responses.delete(id);
    this.#responses.add(id);
    if (this.#responses.size > maxResponses) this.#responses.delete(this.#responses.values().next().value!);
  }
}

function refusal(failure: Failure, refusedWith?: number) {
  return { ok: false as const, failure, refusedWith };
}

function none(status: number) {
  const reason = `its address offers no WebSocket (status ${status})`;
  return refusal({ kind: "rejected", status, reason });
}

/** What went on over a socket that is gone goes on over no other. */
function lost() {
  const cause = new Error("the connection that held the response is gone");
  return refusal({ kind: "unreachable", cause, safeToRepeat: false });
}

/** Less what speaks of a body, and of codings that the client did not ask for. */
function openingHeaders({ headers }: UpstreamRequest, { acceptEncoding }: Call): string[] {
  return headers.filter((_, at, all) => {
    const name = all[at - (at % 2)]!.toLowerCase();
    if (name === "accept-encoding") return acceptEncoding !== undefined;
    return !name.startsWith("sec-websocket-") && name !== "content-type" && name !== "content-encoding";
  });
}

function settingsOf({ apiUrl, secret, proxy }: AccountConfig): string {
  return hash("sha256", JSON.stringify([apiUrl, secret, proxy ?? null]), "base64url");
}

function keyOf({ config }: Account, credential: Credential, { clientCredential }: Call): string {
  const used = credential.kind === "client" ? clientCredential : credential;
  return hash("sha256", JSON.stringify([config.id, settingsOf(config), used]), "base64url");
}
