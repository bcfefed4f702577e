// Copies what can be read of one database into another: from a damaged one that was set aside, from one that was removed while
// it was open, and to and from memory while the disk takes no writes.

import type { Database } from "better-sqlite3";

export interface CarryOver {
  from: Database;
  to: Database;
  /** Which requests come along: all, none, or those that were recorded after this position of `usage_order`. */
  usage: "all" | "none" | { after: number };
}

export interface CarriedOver {
  /** Rows that are in the new database now, by table. */
  rows: Record<string, number>;
  /** Tables of which something could not be read or is not what such a table holds. */
  damaged: string[];
}

/** Never throws for what is wrong with `from`. Throws when `to` takes no writes; then it is unchanged. */
export function carryOver({ from, to, usage }: CarryOver): CarriedOver {
  const result: CarriedOver = { rows: {}, damaged: [] };
  const copyAll = to.transaction(() => {
    for (const table of tables) {
      if (table.isUsage && usage === "none") continue;
      const { copied, isDamaged } = copyTable(table, { from, to, usage });
      if (copied > 0) result.rows[table.name] = copied;
      if (isDamaged) result.damaged.push(table.name);
    }
  });
  copyAll.immediate();
  return result;
}

interface Table {
  name: string;
  /** What it was called in older schemas, and its columns. */
  formerly?: { name: string; columns?: Record<string, string> };
  key: readonly string[];
  isUsage?: true;
  /** Of two rows with one key, the one of `from` is taken unless this says otherwise. */
  unless?: string;
}

const tables: readonly Table[] = [
  // A refresh token that was rotated is good once: the newest is the only one that works.
  { name: "tokens", key: ["account_id"], unless: "tokens.updated_at > excluded.updated_at" },
  { name: "account_states", key: ["account_id"] },
  { name: "cooldowns", formerly: { name: "rests" }, key: ["account_id", "scope"] },
  {
    name: "bindings",
    formerly: { name: "bindings", columns: { fallback_id: "detour_id" } },
    key: ["kind", "key"],
  },
  { name: "notices", key: ["receiver"] },
  { name: "usage", key: ["time", "request_id"], isUsage: true },
  { name: "attempts", key: ["request_id", "ordinal"], isUsage: true },
];

type Row = Record<string, unknown>;

function copyTable(table: Table, { from, to, usage }: CarryOver): { copied: number; isDamaged: boolean } {
  const source = findSource(table, from, columnsOf(to, table.name));
  if (source === undefined) return { copied: 0, isDamaged: true };
  const names = source.columns.map(({ to }) => to);
  const others = names.filter((name) => !table.key.includes(name));
  const update = `DO UPDATE SET ${others.map((name) => `${name} = excluded.${name}`).join(", ")}`;
  const insert = to.prepare(`
    INSERT INTO ${table.name} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})
    ON CONFLICT (${table.key.join(", ")}) ${update}${table.unless ? ` WHERE NOT (${table.unless})` : ""}`);
  let copied = 0;
  let isDamaged = false;
  const reading = readRows(source, {
    from,
    condition: table.isUsage && typeof usage === "object" ? recordedAfter(table, usage.after) : "TRUE",
    onDamage: () => (isDamaged = true),
  });
  for (const row of reading) {
    try {
      copied += insert.run(names.map((name) => row[name])).changes;
    } catch (error) {
      if (!isRowAtFault(error)) throw error;
      isDamaged = true;
    }
  }
  return { copied, isDamaged };
}

function recordedAfter(table: Table, seq: number): string {
  return `${table.name}.request_id IN (SELECT request_id FROM usage_order WHERE seq > ${Math.trunc(seq)})`;
}

interface Source {
  table: string;
  key: readonly string[];
  columns: readonly { from: string; to: string }[];
}

/** The table under its present or its former name, with the columns that both databases have. */
function findSource(table: Table, from: Database, wanted: readonly string[]): Source | undefined {
  const candidates = [{ name: table.name, columns: {} }, ...(table.formerly ? [table.formerly] : [])];
  for (const { name, columns: renamed = {} } of candidates.reverse()) {
    const present = columnsOf(from, name);
    const columns = wanted
      .map((to) => ({
        to,
        from: present.includes(to) ? to : ((renamed as Record<string, string>)[to] ?? to),
      }))
      .filter((column) => present.includes(column.from));
    if (table.key.every((part) => columns.some(({ to }) => to === part)))
      return { table: name, key: table.key, columns };
  }
  return undefined;
}

function columnsOf(database: Database, table: string): string[] {
  try {
    const rows = database.pragma(`table_info(${table})`) as { name: string }[];
    return rows.map(({ name }) => name);
  } catch {
    return [];
  }
}

interface Reading {
  from: Database;
  /** Which rows. */
  condition: string;
  onDamage(): void;
}

/** From the first row up to the first that cannot be read, then over every gap that can be jumped, or else from the end. */
function* readRows({ table, key, columns }: Source, { from, condition, onDamage }: Reading): Generator<Row> {
  const list = columns.map((column) => `${column.from} AS ${column.to}`).join(", ");
  const select = (where: string, order = "") =>
    from.prepare<unknown[], Row>(
      `SELECT ${list} FROM ${table} WHERE ${condition} AND ${where} ORDER BY ${key.map((part) => `${part}${order}`).join(", ")}`,
    );
  const isNumbered = key[0] === "time";
  let last: Row | undefined;
  try {
    for (const row of select("TRUE").iterate()) {
      last = row;
      yield row;
    }
    return;
  } catch {
    onDamage();
  }
  if (!isNumbered) {
    yield* readBackwards(() => select("TRUE", " DESC").iterate(), { key, until: last });
    return;
  }
  const after = select("time >= ?");
  for (let gaps = 0, time = Number(last?.time ?? 0); gaps < maxGaps; gaps++) {
    const start = findReadable(time, (from) => isReadable(after, from));
    if (start === undefined) return;
    try {
      for (const row of after.iterate(start)) {
        time = Number(row.time);
        yield row;
      }
      return;
    } catch {
      time = Math.max(time, start);
    }
  }
}

const maxGaps = 1000;

/** The first number above `from` at which reading works, found by ever longer steps and then between the last two. */
function findReadable(from: number, isReadable: (at: number) => boolean): number | undefined {
  let bad = from;
  let good: number | undefined;
  for (let step = 1; good === undefined; step *= 2) {
    if (from + step > Number.MAX_SAFE_INTEGER) return undefined;
    if (isReadable(from + step)) good = from + step;
    else bad = from + step;
  }
  while (good - bad > 1) {
    const middle = Math.floor((bad + good) / 2);
    if (isReadable(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

function isReadable(statement: { get(...values: unknown[]): unknown }, at: number): boolean {
  try {
    statement.get(at);
    return true;
  } catch {
    return false;
  }
}

function* readBackwards(
  rows: () => Iterable<Row>,
  { key, until }: { key: readonly string[]; until: Row | undefined },
): Generator<Row> {
  try {
    for (const row of rows()) {
      if (until !== undefined && key.every((part) => row[part] === until[part])) return;
      yield row;
    }
  } catch {
    // Both ends are read; what is between them is what cannot be.
  }
}

/** A value that such a table cannot hold (a column that must not be empty), not a database that takes no writes. */
function isRowAtFault(error: unknown): boolean {
  const { code } = error as { code?: string };
  return typeof code === "string" && /^SQLITE_(?:CONSTRAINT|MISMATCH|RANGE|TOOBIG)/.test(code);
}
