// Horizontal bars in text: eighths of a character where the terminal can show them.

export interface BarOptions {
  /** Columns. */
  width: number;
  unicode: boolean;
  /** Shows the empty rest too, so that a share of a whole can be read. */
  track?: boolean;
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar for `fraction` of the width; anything above nothing shows, more than the whole is a full bar. */
export function bar(fraction: number, { width, unicode, track = false }: BarOptions): string {
  const share = Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : fraction > 0 ? 1 : 0;
  const steps = unicode ? width * 8 : width;
  const filled = share === 0 ? 0 : Math.max(1, Math.round(share * steps));
  const drawn = unicode
    ? "█".repeat(Math.floor(filled / 8)) + (eighths[filled % 8] ?? "")
    : "#".repeat(filled);
  const rest = track ? (unicode ? "░" : "-") : " ";
  return drawn + rest.repeat(width - drawn.length);
}
