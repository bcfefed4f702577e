// The schema of the database, as the numbered steps that lead to it. Append only: a step that was released never changes.

import { randomBytes } from "node:crypto";
import type { Database } from "better-sqlite3";
import { UserError } from "../domain/errors.ts";
import type { PriceList } from "../usage/price.ts";
import type { Connection } from "./connection.ts";
import { importPredecessor, predecessorTables } from "./predecessor.ts";

export interface MigrationContext {
  now: number;
  /** Only asked for when a predecessor's rows are there to be priced. */
  prices: PriceList | undefined;
}

export type Migration = (database: Database, context: MigrationContext) => void;

/** The step at index n leads from `user_version` n to n + 1. */
export const migrations: readonly Migration[] = [
  createTables,
  importPredecessor,
  addCooldownSettings,
  nameCooldownsAndFallbacks,
  addAttempts,
  addAccountRank,
  addLoginKey,
  addNotices,
  addLoginExtras,
  addAttemptReason,
  sumBySentModel,
];

/** In the file's header, so that another program's database is not taken for ours. */
export const applicationId = 0x63637279;

function createTables(database: Database): void {
  database.pragma(`application_id = ${applicationId}`);
  database.exec(`
    CREATE TABLE account_states (
      account_id TEXT PRIMARY KEY,
      last_used_at INTEGER,
      windows TEXT NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE rests (
      account_id TEXT NOT NULL,
      scope TEXT NOT NULL,
      since INTEGER NOT NULL,
      until INTEGER NOT NULL,
      kind TEXT NOT NULL,
      reason TEXT NOT NULL,
      probed_at INTEGER NOT NULL,
      PRIMARY KEY (account_id, scope)
    ) WITHOUT ROWID;

    CREATE TABLE bindings (
      kind TEXT NOT NULL,
      key TEXT NOT NULL,
      account_id TEXT NOT NULL,
      detour_id TEXT,
      expires_at INTEGER NOT NULL,
      PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    CREATE INDEX bindings_by_expiry ON bindings (expires_at);

    CREATE TABLE tokens (
      account_id TEXT PRIMARY KEY,
      configured_hash TEXT NOT NULL,
      refresh_token TEXT NOT NULL,
      access_token TEXT,
      expires_at INTEGER,
      project TEXT,
      generation INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      exchange_hash TEXT,
      exchange_at INTEGER
    ) WITHOUT ROWID;

    CREATE TABLE daemon (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      pid INTEGER NOT NULL,
      host TEXT NOT NULL,
      port INTEGER NOT NULL,
      started_at INTEGER NOT NULL,
      version TEXT NOT NULL
    );

    -- Stored in the order of time: a period is one run of pages, and a new row goes to the end.
    CREATE TABLE usage (
      time INTEGER NOT NULL,
      request_id TEXT NOT NULL UNIQUE CHECK (request_id <> ''),
      requests INTEGER NOT NULL DEFAULT 1, -- above 1 for what the predecessor had summed up
      client TEXT NOT NULL,
      account TEXT NOT NULL,
      family TEXT NOT NULL,
      model TEXT NOT NULL,
      route TEXT NOT NULL,
      input INTEGER NOT NULL,
      output INTEGER NOT NULL,
      cache_write_5m INTEGER NOT NULL,
      cache_write_1h INTEGER NOT NULL,
      cache_read INTEGER NOT NULL,
      reasoning INTEGER NOT NULL,
      tier TEXT,
      web_searches INTEGER NOT NULL,
      status INTEGER NOT NULL,
      outcome TEXT NOT NULL,
      attempts INTEGER NOT NULL,
      first_byte_ms INTEGER,
      total_ms INTEGER NOT NULL,
      cost_nano INTEGER, -- billionths of a USD, so that sums are exact; NULL when there is no price
      PRIMARY KEY (time, request_id)
    ) WITHOUT ROWID;

    -- Days whose rows are summed up in usage_daily; they never overlap. A reader uses a day only when it is done.
    CREATE TABLE usage_days (
      start INTEGER PRIMARY KEY,
      until INTEGER NOT NULL,
      done INTEGER NOT NULL,
      cursor_time INTEGER NOT NULL, -- the last row that is in the sums
      cursor_id TEXT NOT NULL
    );
    CREATE TABLE usage_daily (
      start INTEGER NOT NULL,
      account TEXT NOT NULL,
      model TEXT NOT NULL,
      client TEXT NOT NULL,
      family TEXT NOT NULL,
      requests INTEGER NOT NULL,
      errors INTEGER NOT NULL,
      input INTEGER NOT NULL,
      output INTEGER NOT NULL,
      cache_write_5m INTEGER NOT NULL,
      cache_write_1h INTEGER NOT NULL,
      cache_read INTEGER NOT NULL,
      reasoning INTEGER NOT NULL,
      cost_nano INTEGER NOT NULL,
      unpriced INTEGER NOT NULL,
      PRIMARY KEY (start, account, model, client, family)
    ) WITHOUT ROWID;

    -- A row that comes late, is amended or goes away makes the sums of its day invalid, whatever process writes it.
    CREATE TRIGGER usage_inserted AFTER INSERT ON usage BEGIN
      DELETE FROM usage_days WHERE start = (SELECT max(start) FROM usage_days WHERE start <= NEW.time) AND until > NEW.time;
    END;
    CREATE TRIGGER usage_updated AFTER UPDATE ON usage BEGIN
      DELETE FROM usage_days WHERE start = (SELECT max(start) FROM usage_days WHERE start <= OLD.time) AND until > OLD.time;
      DELETE FROM usage_days WHERE start = (SELECT max(start) FROM usage_days WHERE start <= NEW.time) AND until > NEW.time;
    END;
    CREATE TRIGGER usage_deleted AFTER DELETE ON usage BEGIN
      DELETE FROM usage_days WHERE start = (SELECT max(start) FROM usage_days WHERE start <= OLD.time) AND until > OLD.time;
    END;
  `);
}

function addCooldownSettings(database: Database): void {
  database.exec("ALTER TABLE rests ADD COLUMN settings TEXT");
}

function nameCooldownsAndFallbacks(database: Database): void {
  database.exec(
    "ALTER TABLE rests RENAME TO cooldowns; ALTER TABLE bindings RENAME COLUMN detour_id TO fallback_id",
  );
}

function addAttempts(database: Database): void {
  database.exec(`
    ALTER TABLE usage ADD COLUMN sent_model TEXT; -- NULL when the model was sent under the name that was asked for

    -- The attempts of requests in which one failed: never bodies, prompts or texts of providers.
    CREATE TABLE attempts (
      request_id TEXT NOT NULL,
      ordinal INTEGER NOT NULL,
      account TEXT NOT NULL,
      status INTEGER,
      class TEXT NOT NULL,
      next TEXT NOT NULL,
      ms INTEGER NOT NULL,
      PRIMARY KEY (request_id, ordinal)
    ) WITHOUT ROWID;
    CREATE TRIGGER usage_deleted_attempts AFTER DELETE ON usage BEGIN
      DELETE FROM attempts WHERE request_id = OLD.request_id;
    END;

    -- The last requests in the order in which they were recorded: a long one ends after others that began later.
    CREATE TABLE usage_order (
      seq INTEGER PRIMARY KEY,
      time INTEGER NOT NULL,
      request_id TEXT NOT NULL
    );
    CREATE TRIGGER usage_inserted_order AFTER INSERT ON usage BEGIN
      INSERT INTO usage_order (time, request_id) VALUES (NEW.time, NEW.request_id);
    END;

    -- Damaged databases that were set aside, and what became of their rows.
    CREATE TABLE recoveries (
      time INTEGER PRIMARY KEY,
      path TEXT NOT NULL,
      carried_over TEXT NOT NULL, -- JSON: rows by table
      damaged TEXT NOT NULL -- JSON: names of tables
    );
  `);
}

function addAccountRank(database: Database): void {
  database.exec(`
    ALTER TABLE account_states ADD COLUMN truncated_at INTEGER; -- the last answer that was truncated, while none was whole since
    ALTER TABLE account_states ADD COLUMN secret_hash TEXT; -- of the secret with which all of this was learned
    ALTER TABLE account_states ADD COLUMN forgotten_at INTEGER; -- when a person had everything learned forgotten
  `);
}

function addLoginKey(database: Database): void {
  database.exec(`
    -- The key of the hashes under which clients' own logins are known: nobody can try tokens against a hash without it.
    CREATE TABLE login_key (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      key BLOB NOT NULL
    );
  `);
  database.prepare("INSERT INTO login_key (id, key) VALUES (1, ?)").run(randomBytes(32));
}

function addNotices(database: Database): void {
  database.exec(`
    -- What was sent to each receiver of notifications, so that a restart does not repeat it.
    CREATE TABLE notices (
      receiver TEXT PRIMARY KEY, -- a hash of its settings
      lasting TEXT NOT NULL, -- JSON: what lasts and was sent
      sent_at TEXT NOT NULL -- JSON: when each event was sent last
    ) WITHOUT ROWID;
  `);
}

/** `project` stays for a relay of the version before that still runs on the file. */
function addLoginExtras(database: Database): void {
  database.exec(`
    ALTER TABLE tokens ADD COLUMN extras TEXT; -- JSON: what the provider adds to the login, by its own names
    UPDATE tokens SET extras = json_object('project', project) WHERE project IS NOT NULL;
  `);
}

function addAttemptReason(database: Database): void {
  // Never a provider's words about a request, which may quote it.
  database.exec("ALTER TABLE attempts ADD COLUMN reason TEXT; -- why it failed, NULL for a good answer");
}

/** `usage_daily` stays for a relay of the version before that still runs on the file, and sums up days of its own there. */
function sumBySentModel(database: Database): void {
  database.exec(`
    ALTER TABLE usage_days ADD COLUMN by_sent_model INTEGER NOT NULL DEFAULT 0; -- 1: its sums are in usage_sums
    CREATE TABLE usage_sums (
      start INTEGER NOT NULL,
      account TEXT NOT NULL,
      model TEXT NOT NULL,
      sent_model TEXT NOT NULL, -- empty when it is the model that was asked for
      client TEXT NOT NULL,
      family TEXT NOT NULL,
      requests INTEGER NOT NULL,
      errors INTEGER NOT NULL,
      input INTEGER NOT NULL,
      output INTEGER NOT NULL,
      cache_write_5m INTEGER NOT NULL,
      cache_write_1h INTEGER NOT NULL,
      cache_read INTEGER NOT NULL,
      reasoning INTEGER NOT NULL,
      cost_nano INTEGER NOT NULL,
      unpriced INTEGER NOT NULL,
      PRIMARY KEY (start, account, model, sent_model, client, family)
    ) WITHOUT ROWID;
  `);
}

/** Whether the database has every migration; throws a UserError when it is not ours or too new. */
export function isCurrent({ database, path }: Connection): boolean {
  const version = Number(database.pragma("user_version", { simple: true }));
  const application = Number(database.pragma("application_id", { simple: true }));
  if (application !== (version > 0 ? applicationId : 0) || (version === 0 && hasForeignTables(database))) {
    throw new UserError(`${path} is the database of another program`, {
      fix: "set server.database_path to a file of its own",
    });
  }
  if (version > migrations.length) {
    throw new UserError(
      `${path} was written by a newer cc-relay (its schema is ${version}, this one knows ${migrations.length})`,
      { fix: { instruction: "update cc-relay:", command: "npm install --global cc-relay@latest" } },
    );
  }
  return version === migrations.length;
}

/** All missing migrations in one transaction: another process waits for it, a crash leaves none of them. */
export async function migrate(connection: Connection, context: MigrationContext): Promise<void> {
  const { database, run } = connection;
  const apply = database.transaction(() => {
    // Another process may have been faster.
    if (isCurrent(connection)) return;
    const version = Number(database.pragma("user_version", { simple: true }));
    for (const migration of migrations.slice(version)) migration(database, context);
    database.pragma(`user_version = ${migrations.length}`);
  });
  await run(() => apply.immediate());
}

function hasForeignTables(database: Connection["database"]): boolean {
  const names = database
    .prepare<[], string>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .pluck()
    .all();
  return names.length > 0 && !names.some((name) => predecessorTables.includes(name));
}
