// Brings a database to the schema of this version, and refuses those that are not ours.

import { UserError } from "../domain/errors.ts";
import type { Connection } from "./connection.ts";
import { applicationId, type MigrationContext, migrations } from "./migrations.ts";
import { predecessorTables } from "./predecessor.ts";

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
      { fix: "update cc-relay: npm install --global cc-relay@latest" },
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
