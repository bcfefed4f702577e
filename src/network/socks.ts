// Opens a tunnel through a SOCKS5 proxy (RFC 1928, RFC 1929 for user name and password). The signal ends it at any point: the
// proxy is never asked to reach a target for a request that nobody waits for any more.

import { isIP, type Socket } from "node:net";
import { describeProxyFailure, ProxyFault } from "./faults.ts";
import { describeProxy, formatHostPort, type ProxySettings } from "./proxy.ts";
import { openTcp } from "./tcp.ts";
import type { TunnelOptions, TunnelTarget } from "./tunnel.ts";

const version = 5;
const passwordVersion = 1;
const noAuthentication = 0;
const userAndPassword = 2;
const connect = 1;
const ipv4 = 1;
const name = 3;
const ipv6 = 4;

/** The fields for names, user names and passwords have one byte for their length. */
const maxFieldBytes = 255;

/** What a proxy says when it does not reach the target, by its reply code. */
const refusals = [
  undefined,
  "Failure",
  "NotAllowed",
  "NetworkUnreachable",
  "HostUnreachable",
  "ConnectionRefused",
  "TTLExpired",
  "CommandNotSupported",
  "AddressNotSupported",
];

/** Rejects with a ProxyFault, except for the signal's own reason. The proxy resolves the target's name. */
export async function openSocksTunnel(
  proxy: ProxySettings,
  target: TunnelTarget,
  { signal, limitMs }: TunnelOptions,
): Promise<Socket> {
  for (const field of [proxy.username, proxy.password, target.host]) {
    if (field !== undefined && Buffer.byteLength(field) > maxFieldBytes) {
      throw new ProxyFault(`${describeProxy(proxy)} cannot be given a name or password of over 255 bytes`);
    }
  }
  let socket: Socket | undefined;
  try {
    socket = await openTcp(proxy, { signal, limitMs });
    const line = createLine(socket, signal);
    await greet(proxy, line);
    await ask(proxy, target, line);
    line.release();
    return socket;
  } catch (error) {
    socket?.destroy();
    if (signal.aborted) throw signal.reason;
    throw error instanceof ProxyFault ? error : new ProxyFault(describeProxyFailure(proxy, error), error);
  }
}

async function greet(proxy: ProxySettings, line: Line): Promise<void> {
  const hasPassword = proxy.username !== undefined || proxy.password !== undefined;
  const methods = hasPassword ? [noAuthentication, userAndPassword] : [noAuthentication];
  line.write([version, methods.length, ...methods]);
  const [spoken, method] = await line.read(2);
  if (spoken !== version) throw new ProxyFault(`${describeProxy(proxy)} does not speak SOCKS5`);
  if (method === noAuthentication) return;
  if (method !== userAndPassword || !hasPassword) {
    const fault = hasPassword
      ? "does not accept a user name and password"
      : "demands a user name and password";
    throw new ProxyFault(`${describeProxy(proxy)} ${fault}`);
  }
  line.write([passwordVersion, ...field(proxy.username ?? ""), ...field(proxy.password ?? "")]);
  const [, status] = await line.read(2);
  if (status !== 0) throw new ProxyFault(`${describeProxy(proxy)} refused the user name or password`);
}

async function ask(proxy: ProxySettings, { host, port }: TunnelTarget, line: Line): Promise<void> {
  line.write([version, connect, 0, ...address(host), port >> 8, port & 0xff]);
  const [, reply, , type] = await line.read(4);
  if (reply !== 0) {
    const refusal = refusals[reply!] ?? `code ${reply}`;
    throw new ProxyFault(
      `${describeProxy(proxy)} could not reach ${formatHostPort(host, port)} (${refusal})`,
    );
  }
  // From where the proxy reaches the target is of no use to anybody.
  const length = type === ipv4 ? 4 : type === ipv6 ? 16 : (await line.read(1))[0]!;
  await line.read(length + 2);
}

function field(text: string): number[] {
  const bytes = Buffer.from(text);
  return [bytes.length, ...bytes];
}

function address(host: string): number[] {
  switch (isIP(host)) {
    case 4:
      return [ipv4, ...host.split(".").map(Number)];
    case 6:
      return [ipv6, ...ipv6Bytes(host)];
    default:
      return [name, ...field(host)];
  }
}

/** A zone is of this machine, and no proxy's affair. */
function ipv6Bytes(host: string): number[] {
  const plain = new URL(`http://[${host.split("%")[0]}]`).hostname.slice(1, -1);
  const [head = [], tail] = plain.split("::").map((part) => part.split(":").filter((group) => group !== ""));
  const gap = tail === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array<string>(gap).fill("0"), ...(tail ?? [])];
  return groups.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

interface Line {
  write(bytes: readonly number[]): void;
  /** Rejects when the connection ends before, and with the signal's reason. */
  read(bytes: number): Promise<Buffer>;
  /** From here on the socket is the caller's; what has come beyond what was read is still in it. */
  release(): void;
}

function createLine(socket: Socket, signal: AbortSignal): Line {
  let wake = (): void => {};
  let end: unknown;
  const rouse = () => wake();
  const stop = (reason: unknown) => {
    end ??= reason;
    wake();
  };
  const onEnd = () => stop(new Error("socket closed"));
  const onAbort = () => stop(signal.reason);
  socket.on("readable", rouse).on("error", stop).on("end", onEnd).on("close", onEnd);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    write: (bytes) => void socket.write(Uint8Array.from(bytes)),
    async read(bytes) {
      for (;;) {
        if (end !== undefined) throw end;
        const read: Buffer | null = socket.read(bytes);
        // At the end of the stream it gives what is left.
        if (read !== null && read.length === bytes) return read;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    release() {
      signal.removeEventListener("abort", onAbort);
      socket.off("readable", rouse).off("error", stop).off("end", onEnd).off("close", onEnd);
    },
  };
}
