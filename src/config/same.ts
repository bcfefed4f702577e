// Compares two TOML documents.

/** Whether both say the same; the order of keys does not count. */
export function isSame(one: unknown, other: unknown): boolean {
  // Dotted keys can nest as deep as the text is long: no recursion.
  const open: [unknown, unknown][] = [[one, other]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [left, right] = pair;
    if (Object.is(left, right)) continue;
    if (!isNode(left) || !isNode(right) || Array.isArray(left) !== Array.isArray(right)) return false;
    if (left instanceof Date || right instanceof Date) {
      if (!isSameDate(left, right)) return false;
      continue;
    }
    const keys = Object.keys(left);
    if (keys.length !== Object.keys(right).length) return false;
    for (const key of keys) {
      if (!Object.hasOwn(right, key)) return false;
      open.push([left[key], right[key]]);
    }
  }
  return true;
}

function isNode(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isSameDate(left: unknown, right: unknown): boolean {
  // TomlDate's own form distinguishes a date, a time and an offset, its number does not.
  return left instanceof Date && right instanceof Date && left.toISOString() === right.toISOString();
}
