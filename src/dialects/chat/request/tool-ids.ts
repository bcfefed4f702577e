// Ids of tool calls. Both APIs treat them as opaque, but Claude takes only `^[a-zA-Z0-9_-]+$`, each once per request.

export interface ToolIds {
  /** The id under which a call goes upstream; one that is valid and new goes as it is. */
  assign(id: string): string;
}

/** Names depend on the calls before them only, so that a growing conversation keeps its cached prefix. */
export function createToolIds(): ToolIds {
  const used = new Set<string>();
  // Where counting goes on: a hostile request that repeats one id would otherwise cost quadratic time.
  const counters = new Map<string, number>();

  function assign(id: string): string {
    const base = id.replace(/[^a-zA-Z0-9_-]/g, "_") || "call";
    let name = base;
    let count = counters.get(base) ?? 1;
    while (used.has(name)) name = `${base}_${++count}`;
    counters.set(base, count);
    used.add(name);
    return name;
  }

  return { assign };
}
