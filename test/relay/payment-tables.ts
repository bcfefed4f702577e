// The tables of what becomes of a request on the client's own login, a key and a compatible host: who is asked, in which order, and what
// the client sees.

/**
 * `limit`: until in two hours. `full`: the provider has no capacity. `dead`: the credential is refused. `gone`: the connection breaks.
 * `-`: there is no such account; a `*` means ok, limit, full and dead, each of which gives this row.
 *
 * FULL is the provider's own answer, passed on.
 */
export const anywhere = `
  own    key    host   | asked        | the client sees
  ok     *      *      | own          | 200 own
  dead   *      *      | own          | 401 own
  limit  ok     *      | own key      | 200 key
  full   ok     *      | own key      | 200 key
  limit  limit  ok     | own key host | 200 host
  limit  dead   ok     | own key host | 200 host
  limit  limit  limit  | own key host | 429 all_limited
  limit  dead   limit  | own key host | 429 all_limited
  limit  limit  dead   | own key host | 429 all_limited
  limit  dead   dead   | own key host | 429 all_limited
  limit  limit  full   | own key host | FULL host
  limit  dead   full   | own key host | FULL host
  limit  full   *      | own key      | FULL key
  full   limit  *      | own key      | FULL own
  full   dead   *      | own key      | FULL own
  full   full   *      | own key      | FULL key
  gone   ok     ok     | own key      | 200 key
  gone   gone   ok     | own key      | 502 upstream_unreachable
  limit  gone   ok     | own key      | 502 upstream_unreachable
  limit  limit  gone   | own key host | 502 upstream_unreachable
  -      limit  ok     | key host     | 200 host
  -      dead   ok     | key host     | 200 host
  -      full   ok     | key          | FULL key
  -      dead   -      | key          | 503 needs_login
  limit  -      ok     | own host     | 200 host
  full   -      ok     | own          | FULL own
  dead   -      ok     | own          | 401 own
  limit  -      -      | own          | 429 all_limited
  -      -      ok     | host         | 200 host
  -      -      limit  | host         | 429 all_limited
  -      -      dead   | host         | 503 needs_login`;

/** The session was served by the host while the others were out, and is in the middle of a loop of tools. They are back since. */
export const inLoopAtHost = `
  own    key    host   | asked        | the client sees
  *      *      ok     | host         | 200 host
  ok     *      limit  | host own     | 200 own
  ok     *      full   | host own     | 200 own
  ok     *      dead   | host own     | 200 own
  dead   *      limit  | host own     | 401 own
  dead   *      full   | host own     | 401 own
  dead   *      dead   | host own     | 401 own
  limit  ok     limit  | host own key | 200 key
  limit  ok     full   | host own key | 200 key
  limit  ok     dead   | host own key | 200 key
  full   ok     limit  | host own key | 200 key
  full   ok     full   | host own key | 200 key
  full   ok     dead   | host own key | 200 key
  limit  limit  limit  | host own key | 429 all_limited
  limit  dead   limit  | host own key | 429 all_limited
  limit  limit  dead   | host own key | 429 all_limited
  limit  dead   dead   | host own key | 429 all_limited
  limit  limit  full   | host own key | FULL host
  limit  dead   full   | host own key | FULL host
  limit  full   limit  | host own key | FULL key
  limit  full   full   | host own key | FULL key
  limit  full   dead   | host own key | FULL key
  full   limit  limit  | host own key | FULL own
  full   limit  full   | host own key | FULL own
  full   limit  dead   | host own key | FULL own
  full   dead   limit  | host own key | FULL own
  full   dead   full   | host own key | FULL own
  full   dead   dead   | host own key | FULL own
  full   full   limit  | host own key | FULL key
  full   full   full   | host own key | FULL key
  full   full   dead   | host own key | FULL key
  gone   ok     gone   | host own key | 200 key
  ok     gone   gone   | host own     | 200 own`;

export const withoutHosts = `
  own    key    host   | asked        | the client sees
  ok     *      -      | own          | 200 own
  dead   *      -      | own          | 401 own
  limit  ok     -      | own key      | 200 key
  full   ok     -      | own key      | 200 key
  gone   ok     -      | own key      | 200 key
  limit  limit  -      | own key      | 429 all_limited
  limit  dead   -      | own key key  | 429 all_limited
  limit  full   -      | own key      | FULL key
  full   limit  -      | own key      | FULL own
  full   full   -      | own key      | FULL key
  full   dead   -      | own key key  | FULL own
  -      ok     -      | key          | 200 key
  -      dead   -      | key key      | 503 needs_login`;

export type State = "ok" | "limit" | "full" | "dead" | "gone" | "-";
export type Id = "own" | "key" | "host";
export type States = Readonly<Record<Id, State>>;
/** Where the conversation is when the request comes; all but `new` are in the middle of a loop of tools. */
export type Place = "new" | Id;

export interface Row {
  states: States;
  asked: string;
  seen: string;
}

export function lineOf({ states, asked, seen }: Row): string {
  return `${Object.values(states).join(" ")} | ${asked} | ${seen}`;
}

export const everyState: readonly State[] = ["ok", "limit", "full", "dead"];

/** `each`: what a `*` means. `together`: where a row has several, they are the same one. */
export function readTable(
  table: string,
  { each, together = false }: { each: readonly State[]; together?: boolean },
): Row[] {
  return table
    .trim()
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [columns = "", asked = "", seen = ""] = line.split("|").map((part) => part.trim());
      const choices = columns.split(/ +/).map((state) => (state === "*" ? each : [state as State]));
      const [owns = [], keys = [], hosts = []] = choices;
      const rows = owns.flatMap((own) =>
        keys.flatMap((key) => hosts.map((host) => ({ states: { own, key, host }, asked, seen }))),
      );
      if (!together) return rows;
      return rows.filter(({ states }) => {
        const open = Object.values(states).filter((_, index) => choices[index]!.length > 1);
        return new Set(open).size <= 1;
      });
    });
}
