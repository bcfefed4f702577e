// Rules between keys: values that are each valid and wrong together. Reads the document as it was written, so that its
// problems are reported together with those of the schema; a wrong type is reported by the schema.

import type { AccountKinds } from "../account-kinds/account-kind.ts";
import { type JsonObject, listOf, tableOf, textOf } from "../json/json-values.ts";
import { isLoopbackHost } from "../network/loopback.ts";
import { findAccountFaults, findPatternFaults } from "./account-rules.ts";
import type { Finding } from "./problem.ts";
import { findHostFault } from "./text-faults.ts";

export function findRuleFaults(document: JsonObject, kinds: AccountKinds): Finding[] {
  const accounts = listOf(document.accounts);
  return [
    ...findKeyFaults(listOf(document.api_keys)),
    ...findExposure(document),
    ...findOpenOrigins(document),
    ...findTimeLimitFaults(tableOf(document.upstream)),
    ...findPatternFaults(tableOf(document.models), ["models"]),
    ...listOf(document.notify).flatMap((receiver, index) => findReceiverFaults(tableOf(receiver), index)),
    ...findDuplicateIds(accounts),
    ...accounts.flatMap((account, index) =>
      findAccountFaults(tableOf(account), { path: ["accounts", index], kinds }),
    ),
  ];
}

/** The name that a client key without one gets; positions count from 0. */
export function nameByPosition(position: number): string {
  return `key-${position + 1}`;
}

function findKeyFaults(entries: readonly unknown[]): Finding[] {
  const names = new Map<string, number>();
  const keys = new Map<string, number>();
  return entries.flatMap((entry, index) => {
    const { name, key } = readKeyEntry(entry, index);
    const findings: Finding[] = [];
    const sameKey = claim(keys, key, index);
    if (sameKey !== undefined) {
      const what = `is the same key as api_keys[${sameKey}]`;
      findings.push({ path: ["api_keys", index], what, fix: "remove one of the two" });
    }
    const sameName = claim(names, name, index);
    if (sameName !== undefined && typeof entry === "string") {
      findings.push({
        path: ["api_keys", index],
        what: `is called ${name} by its position, and api_keys[${sameName}] has that name`,
        fix: `give api_keys[${sameName}] another name`,
      });
    } else if (sameName !== undefined) {
      const what = `is also the name of api_keys[${sameName}]`;
      findings.push({ path: ["api_keys", index, "name"], what, fix: "give every key its own name" });
    }
    return findings;
  });
}

function readKeyEntry(entry: unknown, index: number): { name: string | undefined; key: string | undefined } {
  if (typeof entry === "string") return { name: nameByPosition(index), key: textOf(entry) };
  const { name, key } = tableOf(entry);
  return { name: textOf(name), key: textOf(key) };
}

/** Remembers the first owner of the value; returns the owner it had before. */
function claim(owners: Map<string, number>, value: string | undefined, index: number): number | undefined {
  if (value === undefined) return undefined;
  const owner = owners.get(value);
  if (owner === undefined) owners.set(value, index);
  return owner;
}

/** Only the owner may spend: everybody who can reach the relay can use the accounts. */
function findExposure(document: JsonObject): Finding[] {
  const host = textOf(tableOf(document.server).host);
  if (host === undefined || findHostFault(host) !== undefined || isLoopbackHost(host)) return [];
  if (listOf(document.api_keys).length > 0) return [];
  return [
    {
      path: ["server", "host"],
      what: "lets other machines in, and there are no api_keys to keep strangers from spending your accounts",
      fix: 'write api_keys = ["KEY"] above the first [section], or host = "127.0.0.1"',
    },
  ];
}

/** Without a key, everybody who can make a page of that origin can use the accounts. */
function findOpenOrigins(document: JsonObject): Finding[] {
  if (listOf(tableOf(document.server).allowed_origins).length === 0) return [];
  if (listOf(document.api_keys).length > 0) return [];
  return [
    {
      path: ["server", "allowed_origins"],
      what: "lets pages in, and there are no api_keys that they would have to send",
      fix: 'write api_keys = ["KEY"] above the first [section], or remove it',
    },
  ];
}

/** An answer cannot begin before its connection is up. Where only one of the two is written, the other gives way. */
function findTimeLimitFaults(upstream: JsonObject): Finding[] {
  const { connect_timeout_seconds: connect, first_byte_timeout_seconds: firstByte } = upstream;
  if (typeof connect !== "number" || typeof firstByte !== "number" || firstByte >= connect) return [];
  return [
    {
      path: ["upstream", "first_byte_timeout_seconds"],
      what: `is below connect_timeout_seconds (${connect}), so that a connection could not use its own time`,
      fix: `write first_byte_timeout_seconds = ${connect} or more`,
    },
  ];
}

const receiverKeys = ["webhook", "ntfy", "command"];

function findReceiverFaults(receiver: JsonObject, index: number): Finding[] {
  const given = receiverKeys.filter((key) => key in receiver);
  if (given.length === 1) return [];
  const path = ["notify", index];
  if (given.length === 0) {
    return [{ path, what: "names no receiver", fix: 'write webhook = "URL", ntfy = "URL" or command = […]' }];
  }
  const what = `is there together with ${given[0]}, and a [[notify]] has one receiver`;
  const fix = "give each receiver a [[notify]] of its own";
  return given.slice(1).map((key) => ({ path: [...path, key], what, fix }));
}

function findDuplicateIds(accounts: readonly unknown[]): Finding[] {
  const ids = new Map<string, number>();
  return accounts.flatMap((account, index) => {
    const owner = claim(ids, textOf(tableOf(account).id), index);
    if (owner === undefined) return [];
    const what = `is also the id of accounts[${owner}]`;
    return [{ path: ["accounts", index, "id"], what, fix: "give every account its own id" }];
  });
}
