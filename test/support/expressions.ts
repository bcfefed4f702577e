// Finds the regular expressions of a source file, and texts on which one of them could take long.

/** The literals `/…/flags` of a TypeScript source, comments and strings left out. */
export function expressionsIn(source: string): { pattern: string; flags: string; line: number }[] {
  const found: { pattern: string; flags: string; line: number }[] = [];
  /** Open template literals: the depth of braces at which each `${` began. */
  const templates: number[] = [];
  let depth = 0;
  let last = "";
  for (let at = 0; at < source.length; ) {
    const char = source[at]!;
    const next = source[at + 1];
    if (char === "/" && next === "/") at = endOf(source, "\n", at);
    else if (char === "/" && next === "*") at = endOf(source, "*/", at + 2) + 2;
    else if (char === '"' || char === "'") {
      at = skipString(source, at);
      last = char;
    } else if (char === "`" || (char === "}" && templates.at(-1) === depth)) {
      if (char === "}") templates.pop();
      const end = skipTemplate(source, at + 1);
      if (end.isOpen) templates.push(depth);
      at = end.at;
      last = end.isOpen ? "{" : "`";
    } else if (char === "/" && !endsOperand(source, at, last)) {
      const literal = /\/((?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[\n])+)\/([a-z]*)/y;
      literal.lastIndex = at;
      const match = literal.exec(source);
      if (!match) throw new Error(`no end of the expression at ${source.slice(at, at + 40)}`);
      const line = source.slice(0, at).split("\n").length;
      found.push({ pattern: match[1]!, flags: match[2]!, line });
      at = literal.lastIndex;
      last = "/";
    } else {
      if (char === "{") depth++;
      if (char === "}") depth--;
      if (!/\s/.test(char)) last = char;
      at++;
    }
  }
  return found;
}

function endOf(source: string, mark: string, from: number): number {
  const at = source.indexOf(mark, from);
  return at === -1 ? source.length : at;
}

function skipString(source: string, from: number): number {
  const quote = source[from];
  for (let at = from + 1; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === quote) return at + 1;
  }
  return source.length;
}

function skipTemplate(source: string, from: number): { at: number; isOpen: boolean } {
  for (let at = from; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === "`") return { at: at + 1, isOpen: false };
    else if (source[at] === "$" && source[at + 1] === "{") return { at: at + 2, isOpen: true };
  }
  return { at: source.length, isOpen: false };
}

/** After a value a slash divides; after anything else it begins an expression. */
function endsOperand(source: string, at: number, last: string): boolean {
  if (!/[\w$)\]"'`]/.test(last)) return false;
  const word = /[\w$]+$/.exec(source.slice(Math.max(0, at - 20), at).trimEnd())?.[0];
  return !/^(?:return|case|typeof|of|in|yield|await)$/.test(word ?? "");
}

/** Every piece of an expression as text that it matches: the atoms between quantifiers, and runs of them. */
export function piecesOf(pattern: string, flags: string): string[] {
  const atoms: string[] = [];
  const expanded = new Set<string>();
  for (const [atom] of pattern.matchAll(
    /\\[pP]\{[^}]*\}|\\u\{[^}]*\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\.|\[(?:\\.|[^\]\\])*\]|\(\?<?[:=!]|\(\?<\w+>|[^\\]/gu,
  )) {
    atoms.push(witness(atom, flags));
  }
  let run = "";
  for (const atom of atoms) {
    if (atom === "") {
      if (run !== "") expanded.add(run);
      run = "";
      continue;
    }
    expanded.add(atom);
    run += atom;
  }
  if (run !== "") expanded.add(run);
  const all = atoms.join("");
  if (all !== "") expanded.add(all);
  return [...expanded];
}

/** A character that the atom matches; "" for what matches none (anchors, quantifiers, brackets). */
function witness(atom: string, flags: string): string {
  if (/^(?:[()|?*+^${}]|\(\?.*|\\[bBk])$/.test(atom)) return "";
  if (atom.length === 1) return atom === "." ? "x" : atom;
  const matcher = new RegExp(`^(?:${atom})$`, flags.replace(/[gy]/g, ""));
  const candidates = [..." a1_-.:/\"'<>{}[],=\n\t\r~!é\u0000\u200b\u2028AZz09%+\\"];
  return candidates.find((one) => matcher.test(one)) ?? "";
}
