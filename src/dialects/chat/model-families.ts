// What each Claude model accepts, as far as a converted request depends on it.
// Sources: model pages and migration guides of platform.claude.com.

export type Effort = "low" | "medium" | "high" | "xhigh" | "max";

export interface ModelFamily {
  /** How thinking is asked for: `budget` by `budget_tokens`, `adaptive` by effort, `none` not at all. */
  thinking: "none" | "budget" | "adaptive";
  /** The model thinks when the request says nothing about it. */
  thinksByDefault: boolean;
  /** How thinking is turned off: `never` models think always. */
  thinkingOff: "disabled" | "between_tools" | "never";
  /** Effort levels that `output_config.effort` takes; empty: the field is refused. */
  efforts: readonly Effort[];
  /** The highest effort the model accepts together with thinking turned off. */
  highestEffortWithoutThinking: Effort;
  /** `one`: temperature and top_p exclude each other; `none`: neither is accepted. */
  sampling: "both" | "one" | "none";
  /** Whether tool_choice any/tool is accepted, which it never is together with thinking. */
  forcedTools: boolean;
  /** The conversation may end with an assistant message for the model to continue. */
  prefill: boolean;
  /** Takes `output_config.format` and strict tools. */
  jsonSchema: boolean;
  maxOutput: number;
  /** `max_tokens` where the client leaves it out, which Claude does not allow: all the model can give, but for unknown ones. */
  defaultMaxTokens: number;
}

/**
 * The family of a model id in any of its spellings (`claude-opus-4-5-20251101`, `anthropic/claude-opus-4.5`,
 * `claude-3-5-sonnet-latest`). An id that is not known is taken for a newer model and gets the strictest row: what that
 * row sends is accepted by every model of the current generation.
 */
export function modelFamily(model: string): ModelFamily {
  const version = readVersion(model);
  const row = version === undefined ? undefined : rows.get(version);
  return row ? { ...row, defaultMaxTokens: row.maxOutput } : { ...strictest, defaultMaxTokens: 32_000 };
}

const upToHigh: readonly Effort[] = ["low", "medium", "high"];
const upToHighAndMax: readonly Effort[] = ["low", "medium", "high", "max"];
const everyEffort: readonly Effort[] = ["low", "medium", "high", "xhigh", "max"];

/** What a model of this version accepts. */
type Row = Omit<ModelFamily, "defaultMaxTokens">;

const first: Row = {
  thinking: "none",
  thinksByDefault: false,
  thinkingOff: "disabled",
  efforts: [],
  highestEffortWithoutThinking: "max",
  sampling: "both",
  forcedTools: true,
  prefill: true,
  jsonSchema: false,
  maxOutput: 4096,
};

const fourZero: Row = { ...first, thinking: "budget", maxOutput: 64_000 };
const fourOne: Row = { ...fourZero, sampling: "one", jsonSchema: true, maxOutput: 32_000 };
const fourFive: Row = { ...fourOne, maxOutput: 64_000 };
const fourSix: Row = {
  ...fourFive,
  thinking: "adaptive",
  prefill: false,
  efforts: upToHighAndMax,
};
const fourSeven: Row = { ...fourSix, sampling: "none", efforts: everyEffort, maxOutput: 128_000 };
const five: Row = { ...fourSeven, thinksByDefault: true };
const alwaysThinking: Row = { ...five, thinkingOff: "never", forcedTools: false };

/** Newer than this table: no effort above the one that every adaptive model takes. */
const strictest: Row = { ...alwaysThinking, efforts: upToHigh };

const rows: ReadonlyMap<string, Row> = new Map([
  ["opus 3.0", first],
  ["sonnet 3.0", first],
  ["haiku 3.0", first],
  ["sonnet 3.5", { ...first, maxOutput: 8192 }],
  ["haiku 3.5", { ...first, maxOutput: 8192 }],
  ["sonnet 3.7", fourZero],
  ["opus 4.0", { ...fourZero, maxOutput: 32_000 }],
  ["sonnet 4.0", fourZero],
  ["opus 4.1", fourOne],
  ["sonnet 4.5", fourFive],
  ["haiku 4.5", fourFive],
  ["opus 4.5", { ...fourFive, efforts: upToHigh }],
  ["sonnet 4.6", fourSix],
  ["opus 4.6", { ...fourSix, maxOutput: 128_000 }],
  ["opus 4.7", fourSeven],
  ["opus 4.8", fourSeven],
  ["sonnet 5.0", five],
  ["opus 5.0", { ...five, highestEffortWithoutThinking: "high" }],
  // That thinking can be turned off is documented for Opus 5 only; users saw Fable 5 think all the same.
  ["fable 5.0", alwaysThinking],
  ["mythos 5.0", alwaysThinking],
  ["opus 5.5", alwaysThinking],
  ["fable 5.1", alwaysThinking],
  ["fable 5.2", alwaysThinking],
  ["mythos 5.1", alwaysThinking],
  ["mythos 5.2", alwaysThinking],
  ["sonnet 5.5", { ...alwaysThinking, thinkingOff: "between_tools" }],
  // Whether Haiku 5.5 takes a forced tool_choice is not documented: it is not sent.
  ["haiku 5.5", { ...five, efforts: upToHigh, forcedTools: false }],
]);

const names = "opus|sonnet|haiku|fable|mythos";
// A minor version has at most two digits: what follows `claude-sonnet-4-` in `claude-sonnet-4-20250514` is a date.
const nameFirst = new RegExp(`(${names})-(\\d{1,2})(?:[.-](\\d{1,2}))?(?!\\d)`);
const versionFirst = new RegExp(`claude-(\\d{1,2})(?:[.-](\\d{1,2}))?-(${names})`);

/** `opus 4.5`; undefined when the id has no version. */
function readVersion(model: string): string | undefined {
  const id = model.slice(0, 200).toLowerCase();
  const newer = nameFirst.exec(id);
  const older = versionFirst.exec(id);
  if (older) return `${older[3]} ${older[1]}.${older[2] ?? "0"}`;
  if (newer) return `${newer[1]} ${newer[2]}.${newer[3] ?? "0"}`;
  return undefined;
}
