// What was sent to each receiver of notifications.

import { parseJson, tableWith } from "../json/json-values.ts";
import type { Connection } from "./connection.ts";
import type { NoticeRow, NoticeStore } from "./store.ts";

export function createNoticeStore({ database, run }: Connection): NoticeStore {
  const list = database.prepare<[], NoticeRecord>("SELECT receiver, lasting, sent_at AS sentAt FROM notices");
  const clear = database.prepare("DELETE FROM notices");
  const save = database.prepare(
    "INSERT OR REPLACE INTO notices (receiver, lasting, sent_at) VALUES (?, ?, ?)",
  );
  const replace = database.transaction((rows: readonly NoticeRow[]) => {
    clear.run();
    for (const { receiver, lasting, sentAt } of rows)
      save.run(receiver, JSON.stringify(lasting), JSON.stringify(sentAt));
  });
  return {
    list: () =>
      run(() =>
        list.all().map(({ receiver, lasting, sentAt }) => ({
          receiver,
          lasting: tableWith(parseJson(lasting), (value) => value === null || typeof value === "number"),
          sentAt: tableWith(parseJson(sentAt), (value) => typeof value === "number"),
        })),
      ),
    replace: (rows) => run(() => replace.immediate(rows)),
  };
}

interface NoticeRecord {
  receiver: string;
  lasting: string;
  sentAt: string;
}
