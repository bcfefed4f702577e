// Checks whether the relay runs and answers; if not, whether it could start: its lock on the database and its port.

import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { type Fix, UserError } from "../domain/errors.ts";
import { openStore } from "../store/open.ts";
import type { DaemonInfo } from "../store/store.ts";
import { relativeTime } from "../text/format.ts";
import { type Check, type Findings, findingsOn } from "./check.ts";
import { findObstacle } from "./database.ts";

export interface Address {
  host: string;
  port: number;
}

/** Asks whether a relay answers at an address. */
export interface RelayProbe {
  /** `http://HOST:PORT`, as programs of this machine reach it. */
  originOf(address: Address): string;
  look(origin: string): Promise<Presence>;
}

export type Presence =
  | { kind: "up"; version: string }
  /** Nobody listens, or nothing comes back in time. */
  | { kind: "down" }
  /** Another program has the port. */
  | { kind: "other" };

/** What the database says about the relay. */
export type Claim =
  | {
      kind: "read";
      /** Published by the relay that holds the claim, or by one that died with it. */
      info: DaemonInfo | undefined;
      running: boolean;
    }
  | { kind: "no-database" }
  /** What is wrong with the database, or keeps it from being made, has a check of its own. */
  | { kind: "unreadable" };

export async function readClaim(databasePath: string): Promise<Claim> {
  if (!existsSync(databasePath))
    return { kind: findObstacle(databasePath) === undefined ? "no-database" : "unreadable" };
  try {
    const store = await openStore({ databasePath }, { for: "reading", busyTimeoutMs: 1000 });
    try {
      return { kind: "read", ...(await store.daemon.look()) };
    } finally {
      await store.close();
    }
  } catch (error) {
    if (error instanceof UserError) return { kind: "unreadable" };
    throw error;
  }
}

/** Undefined where there is no database to find it out from. */
export function checkLock(claim: Claim): Check | undefined {
  if (claim.kind !== "read") return undefined;
  const findings = findingsOn("relay", "lock");
  const { info, running } = claim;
  if (running) return findings.ok(info ? `held by pid ${info.pid}` : "held by a relay that is just starting");
  if (info === undefined) return findings.ok("free");
  return findings.warn(
    `left by pid ${info.pid}, which died without stopping (killed, or the machine went down)`,
    { instruction: "to start the relay again, which takes the lock over, run:", command: "cc-relay serve" },
  );
}

export interface DaemonOptions {
  claim: Claim;
  /** As configured. */
  address: Address;
  probe: RelayProbe;
  /** Of this program. */
  version: string;
  now: number;
}

export async function checkDaemon(options: DaemonOptions): Promise<Check[]> {
  const { claim } = options;
  if (claim.kind !== "read" || !claim.running) return checkPort(options);
  return [claim.info ? await checkRunning(claim.info, options) : findings.ok("just starting")];
}

const findings = findingsOn("relay", "daemon");
const startIt: Fix = { instruction: "to start it, run:", command: "cc-relay serve" };

const anyPort = "cc-relay serve --port 0";

async function checkRunning(info: DaemonInfo, { probe, version, now }: DaemonOptions): Promise<Check> {
  const origin = probe.originOf(info);
  const presence = await probe.look(origin);
  const command = `kill ${info.pid}; cc-relay serve`;
  if (presence.kind === "down") {
    return findings.fail(`pid ${info.pid} runs, but nothing answers at ${origin}`, {
      instruction: "to start it anew, run:",
      command,
    });
  }
  if (presence.kind === "other") {
    return findings.fail(`pid ${info.pid} runs, but another program answers at ${origin}`, {
      instruction: "to start it anew, run:",
      command,
    });
  }
  const running = `pid ${info.pid} answers at ${origin}, version ${presence.version}, started ${relativeTime(info.startedAt, now)}`;
  if (presence.version === version) return findings.ok(running);
  return findings.warn(`${running}, and this is version ${version}`, {
    instruction: "to run this version, run:",
    command,
  });
}

async function checkPort(options: DaemonOptions): Promise<Check[]> {
  const { host, port } = options.address;
  const portFindings = findingsOn("relay", "port");
  const idle = findings.warn("not running", startIt);
  if (port === 0) return [idle];
  const obstacle = await tryToListen(options.address);
  if (obstacle === undefined) return [idle, portFindings.ok(`${port} of ${host} is free`)];
  switch (obstacle) {
    case "EADDRINUSE":
      return checkOccupant(options, { idle, port: portFindings });
    case "EACCES":
      return [
        idle,
        portFindings.fail(`the system does not allow this user to listen on port ${port}`, {
          instruction: "choose a port above 1023:",
          command: "cc-relay serve --port 3000",
        }),
      ];
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return [
        idle,
        portFindings.fail(`${host} is not an address of this machine`, 'write server.host = "127.0.0.1"'),
      ];
    default:
      return [
        idle,
        portFindings.fail(`${port} of ${host} cannot be listened on (${obstacle})`, {
          instruction: "choose another port:",
          command: anyPort,
        }),
      ];
  }
}

interface Taken {
  idle: Check;
  port: Findings;
}

/** The process that has the port. */
async function checkOccupant({ claim, address, probe }: DaemonOptions, taken: Taken): Promise<Check[]> {
  const origin = probe.originOf(address);
  const presence = await probe.look(origin);
  if (presence.kind !== "up") {
    const detail = `${address.port} of ${address.host} is taken by another program`;
    return [
      taken.idle,
      taken.port.fail(detail, {
        instruction: "stop that program, or choose another port:",
        command: anyPort,
      }),
    ];
  }
  const relay = `version ${presence.version} answers at ${origin}`;
  if (claim.kind === "unreadable") return [findings.ok(relay)];
  return [
    taken.port.warn(`another relay has it: ${relay}, and uses another database`, {
      instruction: "stop that one, or choose another port:",
      command: anyPort,
    }),
  ];
}

/** The code of what is in the way; undefined when the relay could listen. Only listening finds all reasons. */
function tryToListen({ host, port }: Address): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
