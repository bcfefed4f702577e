// Writes values as TOML.

export type TomlScalar = string | number | boolean;
export type TomlLeaf = TomlScalar | readonly string[];
export type TomlFields = Readonly<Record<string, TomlLeaf>>;
/** A table among the fields is written inline. */
export type NestedFields = Readonly<Record<string, TomlLeaf | TomlFields>>;

export function formatValue(value: TomlLeaf | TomlFields): string {
  if (typeof value === "string") return formatString(value);
  if (isList(value)) return `[${value.map(formatString).join(", ")}]`;
  return typeof value === "object" ? formatInlineTable(value) : String(value);
}

/** `{ type = "socks5", port = 1080 }` */
export function formatInlineTable(fields: NestedFields): string {
  const pairs = formatLines(fields);
  return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
}

/** One line per key, without line breaks. */
export function formatLines(fields: NestedFields): string[] {
  return Object.entries(fields).map(([key, value]) => `${formatKey(key)} = ${formatValue(value)}`);
}

function formatKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : formatString(key);
}

function isList(value: TomlLeaf | TomlFields): value is readonly string[] {
  return Array.isArray(value);
}

/** A basic string. A half of a surrogate pair has no form in TOML and becomes U+FFFD, as in every UTF-8 file. */
function formatString(text: string): string {
  const escaped = text.toWellFormed().replace(/["\\]|\p{Cc}/gu, (character) => {
    const short = shortEscapes[character];
    return short ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

const shortEscapes: Readonly<Record<string, string | undefined>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
};
