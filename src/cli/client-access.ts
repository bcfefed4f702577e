// What a client program needs to reach the relay: the address and the key.

import type { ClientKey, Config } from "../config/config.ts";
import { nearestWord } from "../config/suggest.ts";
import { UserError } from "../errors.ts";
import { type Client, clientInfo } from "../terminal/clients.ts";
import type { CommandContext } from "./context.ts";
import { findRelay, isDemo } from "./relay-address.ts";

export interface ClientAccess {
  /** `http://HOST:PORT` */
  origin: string;
  /** The host as proxy exceptions name it: no brackets. */
  host: string;
  /** Undefined where requests are forwarded with the client's own credential. */
  key: string | undefined;
}

/** Clients refuse to start without a key, so one is made up where the relay asks for none. */
const anyKey = "cc-relay";

/** @param keyName the name of one of `api_keys`; the first one when undefined. */
export async function readAccess(
  context: CommandContext,
  client: Client,
  keyName: string | undefined,
): Promise<ClientAccess> {
  const config = await context.loadConfig({ missingVariables: "warning" });
  const origin = await findRelay(context, config);
  return {
    origin,
    host: new URL(origin).hostname.replace(/^\[|\]$/g, ""),
    key:
      chooseKey(config.apiKeys, keyName) ??
      ((await isForwarded(client, config, origin)) ? undefined : anyKey),
  };
}

function chooseKey(keys: readonly ClientKey[], name: string | undefined): string | undefined {
  if (name === undefined) return keys[0]?.key;
  const found = keys.find((each) => each.name === name);
  if (found) return found.key;
  const names = keys.map((each) => each.name);
  const nearest = nearestWord(name, names);
  throw new UserError(`no entry of api_keys is named "${name}"`, {
    exitCode: 2,
    fix:
      names.length === 0
        ? "api_keys is empty, so no key is needed: leave --key out"
        : `use ${nearest === undefined ? `one of ${names.join(", ")}` : `--key ${nearest}`}`,
  });
}

/** A family without an account, asked without a relay key, forwards the client's own credential. */
async function isForwarded(client: Client, config: Config, origin: string): Promise<boolean> {
  const { family } = clientInfo[client];
  if (config.accounts.some((account) => account.family === family)) return false;
  return !(await isDemo(origin));
}
