// Draws what a terminal shows as an SVG: text in a grid, its colours, and blocks as shapes, which look the same in every font.

export interface TerminalPicture {
  /** The title bar: the command that was typed. */
  title: string;
  /** As `tmux capture-pane -e` prints them: text and SGR sequences. */
  lines: readonly string[];
  columns: number;
}

/** Text of one look. */
interface Run {
  text: string;
  column: number;
  look: Look;
}

interface Look {
  colour: number | undefined;
  isBold: boolean;
  isDim: boolean;
}

const cell = { width: 8.4, height: 19, size: 14 };
const padding = 16;
const barHeight = 34;
const plain: Look = { colour: undefined, isBold: false, isDim: false };

const theme = { ground: "#16181d", bar: "#22252c", text: "#d8dce4", title: "#9aa2b1" };
/** ECMA-48 colours 30 to 37. */
const colours = ["#5c6370", "#f07178", "#8fd46f", "#f0c05a", "#6cb2f7", "#c792ea", "#5fd7d7", "#d8dce4"];

export function drawTerminal({ title, lines, columns }: TerminalPicture): string {
  const width = Math.round(columns * cell.width + 2 * padding);
  const height = Math.round(lines.length * cell.height + 2 * padding + barHeight);
  const readRuns = createReader();
  const rows = lines.flatMap((line, row) =>
    readRuns(line).flatMap((run) => drawRun(run, barHeight + padding + row * cell.height)),
  );
  const buttons = ["#f07178", "#f0c05a", "#8fd46f"].map(
    (fill, index) => `<circle cx="${20 + index * 20}" cy="${barHeight / 2}" r="6" fill="${fill}"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escapeXml(title)}</title>
<rect width="${width}" height="${height}" rx="8" fill="${theme.ground}"/>
<path d="M0 ${barHeight}V8a8 8 0 0 1 8-8H${width - 8}a8 8 0 0 1 8 8V${barHeight}z" fill="${theme.bar}"/>
${buttons.join("")}
<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="${cell.size}" fill="${theme.text}" xml:space="preserve">
<text x="${width / 2}" y="${barHeight / 2 + 5}" text-anchor="middle" fill="${theme.title}" font-size="13">${escapeXml(title)}</text>
${rows.join("\n")}
</g>
</svg>
`;
}

const esc = "\u001b";
const sequence = new RegExp(`${esc}\\[([0-9;]*)m`, "g");

/** A look goes on in the next line. */
function createReader(): (line: string) => Run[] {
  let look = plain;
  return (line) => {
    const runs: Run[] = [];
    let column = 0;
    const parts = line.split(sequence);
    for (const [index, part] of parts.entries()) {
      // Every second part is what is between the brackets of a sequence.
      if (index % 2 === 1) look = part.split(";").reduce(changeLook, look);
      else if (part !== "") {
        runs.push({ text: part, column, look });
        column += [...part].length;
      }
    }
    return runs;
  };
}

function changeLook(look: Look, code: string): Look {
  const number = Number(code);
  if (number === 0) return plain;
  if (number === 1) return { ...look, isBold: true };
  if (number === 2) return { ...look, isDim: true };
  if (number === 22) return { ...look, isBold: false, isDim: false };
  if (number === 39) return { ...look, colour: undefined };
  return number >= 30 && number <= 37 ? { ...look, colour: number - 30 } : look;
}

const word = /[^ █▏▎▍▌▋▊▉░]+(?: [^ █▏▎▍▌▋▊▉░]+)*|[█▏▎▍▌▋▊▉]+|░+/gu;
const eighths = "▏▎▍▌▋▊▉█";

function drawRun({ text, column, look }: Run, top: number): string[] {
  const fill = look.colour === undefined ? theme.text : (colours[look.colour] ?? theme.text);
  return [...text.matchAll(word)].map((found) => {
    const [part] = found;
    const before = [...text.slice(0, found.index)].length;
    const x = round(padding + (column + before) * cell.width);
    const length = [...part].length;
    if (part.startsWith("░")) return drawBlock({ x, top, columns: length, fill, opacity: 0.22 });
    if (eighths.includes(part[0] ?? "")) {
      const filled = [...part].reduce((sum, each) => sum + (eighths.indexOf(each) + 1) / 8, 0);
      const solid = drawBlock({ x, top, columns: filled, fill, opacity: 1 });
      // What its last character leaves free belongs to the track, if there is one.
      const hasTrack = text.includes("░") && filled < length;
      if (!hasTrack) return solid;
      const rest = { x: x + filled * cell.width, top, columns: length - filled, fill, opacity: 0.22 };
      return solid + drawBlock(rest);
    }
    const attributes = [
      `x="${x}" y="${round(top + cell.size)}"`,
      // The grid holds whatever the font's own width is.
      `textLength="${round(length * cell.width)}" lengthAdjust="spacingAndGlyphs"`,
      ...(look.colour === undefined ? [] : [`fill="${fill}"`]),
      ...(look.isBold ? ['font-weight="700"'] : []),
      ...(look.isDim ? ['opacity="0.62"'] : []),
    ];
    return `<text ${attributes.join(" ")}>${escapeXml(part)}</text>`;
  });
}

interface Block {
  x: number;
  top: number;
  columns: number;
  fill: string;
  opacity: number;
}

function drawBlock({ x, top, columns, fill, opacity }: Block): string {
  const size = `width="${round(columns * cell.width)}" height="${cell.size - 1}"`;
  return `<rect x="${x}" y="${round(top + 2.5)}" ${size} fill="${fill}"${opacity === 1 ? "" : ` opacity="${opacity}"`}/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
