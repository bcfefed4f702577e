// What a client program needs to reach the relay: the address and the key, by the configuration and the relay that runs.

import type { ClientAccess } from "../clients/client.ts";
import { type Client, clientInfo } from "../clients/variables.ts";
import type { AccountConfig, ClientKey } from "../config/config.ts";
import { nearestWord } from "../config/suggest.ts";
import { UserError } from "../domain/errors.ts";
import { families } from "../domain/family.ts";
import { withoutBrackets } from "../network/proxy.ts";
import { shellWord } from "../terminal/shells.ts";
import { sign } from "../terminal/style.ts";
import { redact } from "../text/redact.ts";
import type { CommandContext } from "./context.ts";
import { findRelay, isDemo } from "./relay-address.ts";

export interface AccessOptions {
  /** The name of one of `api_keys`; undefined: the first. */
  keyName: string | undefined;
  /** The client keeps its own login, and the relay's key goes beside it. */
  ownLogin: boolean;
}

/** Clients refuse to start without a key, so one is made up where the relay asks for none. */
const anyKey = "cc-relay";

/** Returns what each client needs. */
export async function readAccess(
  context: CommandContext,
  { keyName, ownLogin }: AccessOptions,
): Promise<(client: Client) => ClientAccess> {
  const config = await context.loadConfig({ missingVariables: "warning" });
  const origin = await findRelay(context, config);
  const host = withoutBrackets(new URL(origin).hostname);
  const key = chooseKey(config.apiKeys, keyName);
  const served = new Set(config.accounts.map(({ family }) => family));
  const needsAny = key === undefined && served.size < families.length && (await isDemo(origin));
  const own = new Set(config.accounts.filter(takesLogins).map(({ family }) => family));
  return (client) => {
    const { family, title } = clientInfo[client];
    // Without keys and accounts of its family a login goes through as it is.
    if (ownLogin && !own.has(family) && (served.has(family) || config.apiKeys.length > 0))
      context.out.stderr.write(
        `${sign("warn", context.out.stderr)} ${title}: there is no account of type client for this API, so the client's own login is not used\n` +
          `  - add to config.toml: [[accounts]] with id = "own", type = "client" and family = "${family}"\n`,
      );
    // A family without an account, asked without a relay key, forwards the client's own credential.
    const isForwarded = ownLogin || (!served.has(family) && !needsAny);
    const { websocket: webSocket } = config.upstream;
    return { origin, host, key: key ?? (isForwarded ? undefined : anyKey), ownLogin, webSocket };
  };
}

function takesLogins({ kind, enabled }: AccountConfig): boolean {
  return enabled && kind.credentials.length === 0;
}

function chooseKey(keys: readonly ClientKey[], name: string | undefined): string | undefined {
  if (name === undefined) return keys[0]?.key;
  const found = keys.find((each) => each.name === name);
  if (found) return found.key;
  const names = keys.map((each) => each.name);
  const nearest = nearestWord(name, names);
  // Somebody may have given the key itself.
  const shown = redact(
    name,
    keys.map(({ key }) => key),
  );
  throw new UserError(`no entry of api_keys is named "${shown}"`, {
    exitCode: 2,
    fix:
      names.length === 0
        ? "api_keys is empty, so no key is needed: leave --key out"
        : `use ${nearest === undefined ? `one of ${names.join(", ")}` : `--key ${shellWord(nearest)}`}`,
  });
}
