// Converts a call whose dialect is not the one of its provider, if the body is not larger than server.max_converted_mb.

import type { Conversion, Dialect } from "../dialects/dialect.ts";
import { bodyBytes, type Call } from "../domain/call.ts";
import { RelayError } from "../domain/errors.ts";

/** Undefined: the call goes as it is. Throws RelayError for what is too large or has no counterpart. */
export async function convertCall(
  dialect: Dialect,
  call: Call,
  maxBytes: number,
): Promise<Conversion | undefined> {
  if (!dialect.convert || call.family !== dialect.family) return undefined;
  if (bodyBytes(call.body) > maxBytes) throw tooLarge(maxBytes);
  return await dialect.convert(call);
}

function tooLarge(maxBytes: number): RelayError {
  const megabytes = Math.round((maxBytes / 1048576) * 10) / 10;
  return new RelayError(
    "body_too_large",
    `The request is larger than ${megabytes} MB, the most that is converted into another API; send less, or raise server.max_converted_mb in config.toml.`,
  );
}
