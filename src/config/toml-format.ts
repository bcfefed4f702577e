// Writes values as TOML.

export type TomlScalar = string | number | boolean;
export type TomlLeaf = TomlScalar | readonly string[];
export type TomlFields = Readonly<Record<string, TomlLeaf>>;

export function formatValue(value: TomlLeaf): string {
  if (typeof value === "string") return formatString(value);
  if (typeof value === "object") return `[${value.map(formatString).join(", ")}]`;
  return String(value);
}

/** `{ type = "socks5", port = 1080 }` */
export function formatInlineTable(fields: Readonly<Record<string, TomlLeaf | TomlFields>>): string {
  const pairs = Object.entries(fields).map(([key, value]) => `${key} = ${formatInline(value)}`);
  return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
}

/** One line per key, without line breaks. */
export function formatLines(fields: TomlFields): string[] {
  return Object.entries(fields).map(([key, value]) => `${key} = ${formatValue(value)}`);
}

function formatInline(value: TomlLeaf | TomlFields): string {
  return typeof value === "object" && !Array.isArray(value)
    ? formatInlineTable(value as TomlFields)
    : formatValue(value as TomlLeaf);
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
