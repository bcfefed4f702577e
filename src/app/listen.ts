// Starts the server, and says what to do where its address cannot be had.

import type { Config } from "../config/config.ts";
import { UserError } from "../domain/errors.ts";
import type { RelayDeps } from "../relay/exchange.ts";
import { type RelayServer, type ServerOptions, startServer } from "../server/server.ts";

export async function listen(
  deps: RelayDeps,
  {
    config,
    ...options
  }: Pick<ServerOptions, "version" | "page" | "socketLimits" | "headTimeoutMs"> & { config: Config },
): Promise<RelayServer> {
  const { host, port } = config.server;
  try {
    return await startServer({ host, port, deps, ...options });
  } catch (cause) {
    throw listenError(cause as NodeJS.ErrnoException, host, port);
  }
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): UserError {
  const where = `${host}:${port}`;
  switch (cause.code) {
    case "EADDRINUSE":
      return new UserError(`${where} is taken by another program`, {
        fix: {
          instruction: "stop that program, or choose another port:",
          command: "cc-relay serve --port 0",
        },
        cause,
      });
    case "EACCES":
      return new UserError(`the system does not allow cc-relay to listen on ${where}`, {
        fix: { instruction: "choose a port above 1023:", command: "cc-relay serve --port 3000" },
        cause,
      });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new UserError(`${host} is not an address of this machine`, {
        fix: 'set server.host to "127.0.0.1" or to one of this machine\'s addresses',
        cause,
      });
    default:
      return new UserError(`cannot listen on ${where}: ${cause.message}`, {
        fix: "set server.host and server.port in config.toml to a free address of this machine",
        cause,
      });
  }
}
