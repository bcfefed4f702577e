// Key presses as a terminal in raw mode sends them.

export type KeyName =
  | "up"
  | "down"
  | "left"
  | "right"
  | "page-up"
  | "page-down"
  | "home"
  | "end"
  | "enter"
  | "escape"
  | "backspace"
  /** Ctrl-C and Ctrl-Z, which are no signals in raw mode. */
  | "interrupt"
  | "suspend";

export type Key = { name: KeyName } | { name: "text"; text: string };

const sequences: Readonly<Record<string, KeyName>> = {
  "[A": "up",
  "[B": "down",
  "[C": "right",
  "[D": "left",
  OA: "up",
  OB: "down",
  OC: "right",
  OD: "left",
  "[5~": "page-up",
  "[6~": "page-down",
  "[H": "home",
  "[F": "end",
  OH: "home",
  OF: "end",
  "[1~": "home",
  "[4~": "end",
};

const controls: Readonly<Record<string, KeyName>> = {
  "\r": "enter",
  "\n": "enter",
  "\u007f": "backspace",
  "\b": "backspace",
  "\u0003": "interrupt",
  "\u001a": "suspend",
};

const esc = "\u001b";

/** ECMA-48: CSI with parameters, or SS3; then an escape by itself, then one character. */
const press = new RegExp(`${esc}\\[[0-9;?]{0,16}[@-~]|${esc}O[@-~]|.`, "gsu");

/** What was typed; sequences and control characters without a meaning here are left out. A lone escape is the key. */
export function readKeys(chunk: string): Key[] {
  const keys: Key[] = [];
  for (const [part] of chunk.matchAll(press)) {
    if (part.length > 1 && part.startsWith("\u001b")) {
      const name = sequences[part.slice(1)];
      if (name !== undefined) keys.push({ name });
    } else if (part === "\u001b") keys.push({ name: "escape" });
    else if (Object.hasOwn(controls, part)) keys.push({ name: controls[part]! });
    else if (!/\p{Cc}/u.test(part)) keys.push({ name: "text", text: part });
  }
  return keys;
}
