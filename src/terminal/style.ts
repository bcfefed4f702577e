// Colours and signs. Colour never carries meaning alone: it only repeats what the text or a sign already says.

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

export function createStyle(colour: boolean): Style {
  const paint = (open: number, close: number) => (text: string) =>
    colour && text !== "" ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}

const esc = "\u001b";
const sequence = new RegExp(`${esc}\\[[0-9;]{0,8}m`, "g");

/** The text without the colours of a Style. */
export function withoutStyle(text: string): string {
  return text.replaceAll(sequence, "");
}

export type Verdict = "ok" | "warn" | "fail";

/** `✓ ! ✗` in their colours; plain letters where the terminal cannot show them. */
export function sign(verdict: Verdict, screen: { style: Style; unicode: boolean }): string {
  switch (verdict) {
    case "ok":
      return screen.style.green(screen.unicode ? "✓" : "+");
    case "warn":
      return screen.style.yellow("!");
    case "fail":
      return screen.style.red(screen.unicode ? "✗" : "x");
  }
}
