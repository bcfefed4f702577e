// Splits a request's target into path and query.

export interface Target {
  /** As it was written, without the query. */
  path: string;
  /** "" or "?…" as it was written. */
  query: string;
  /** Host and port of an absolute target, as clients behind a proxy variable send it; undefined for a plain path. */
  authority: string | undefined;
}

export function splitTarget(target: string): Target {
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(target);
  const rest = target.slice(absolute?.[0].length ?? 0) || "/";
  const at = rest.indexOf("?");
  const path = at < 0 ? rest : rest.slice(0, at);
  return { path, query: at < 0 ? "" : rest.slice(at), authority: absolute?.[1] };
}
