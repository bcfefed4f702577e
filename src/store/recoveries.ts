// Damaged databases that were set aside, for `doctor` to report what was lost.

import { listOf, parseJson, tableWith } from "../json/json-values.ts";
import type { Connection } from "./connection.ts";
import type { RecoveryStore } from "./store.ts";

export function createRecoveryStore({ database, run }: Connection): RecoveryStore {
  const list = database.prepare<[], RecoveryRecord>(
    "SELECT time, path, carried_over AS carriedOver, damaged FROM recoveries ORDER BY time",
  );
  const save = database.prepare(
    "INSERT OR REPLACE INTO recoveries (time, path, carried_over, damaged) VALUES (?, ?, ?, ?)",
  );
  return {
    list: () =>
      run(() =>
        list.all().map(({ time, path, carriedOver, damaged }) => ({
          time,
          path,
          rows: tableWith(parseJson(carriedOver), (rows) => typeof rows === "number"),
          damaged: listOf(parseJson(damaged)).filter((table) => typeof table === "string"),
        })),
      ),
    save: ({ time, path, rows, damaged }) =>
      run(() => void save.run(time, path, JSON.stringify(rows), JSON.stringify(damaged))),
  };
}

interface RecoveryRecord {
  time: number;
  path: string;
  carriedOver: string;
  damaged: string;
}
