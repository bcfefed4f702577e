// What the checks found, as a person reads it: by subject, the verdict first, what fixes it right below.

import { type Check, type Group, mapFix } from "../../doctor/check.ts";
import { type Fix, fixText } from "../../domain/errors.ts";
import type { Screen } from "../../terminal/output.ts";
import { sign } from "../../terminal/style.ts";
import { breakLines, displayWidth, singleLine } from "../../terminal/width.ts";
import { plural } from "../../text/format.ts";

type BlockScreen = Pick<Screen, "width" | "style" | "unicode">;

export function renderChecks(checks: readonly Check[], screen: BlockScreen): string {
  const widths = checks.map(({ label }) => displayWidth(singleLine(label)));
  const labelWidth = Math.max(0, ...widths.filter((width) => width <= widestLabel));
  const blocks = groups.flatMap(({ group, heading }) => {
    const own = checks.filter((check) => check.group === group);
    if (own.length === 0) return [];
    return [[screen.style.bold(heading), ...own.flatMap((check) => describe(check, labelWidth, screen))]];
  });
  return [...blocks, [screen.style.dim(summarize(checks))]]
    .map((lines) => lines.map((line) => `${line}\n`).join(""))
    .join("\n");
}

const groups: readonly { group: Group; heading: string }[] = [
  { group: "machine", heading: "machine" },
  { group: "relay", heading: "relay" },
  { group: "accounts", heading: "accounts" },
  { group: "clients", heading: "clients" },
];

/** Longer ones push their own text to the right, and no other's. */
const widestLabel = 16;

function describe({ label, status, detail, fix }: Check, labelWidth: number, screen: BlockScreen): string[] {
  const name = singleLine(label);
  const space = " ".repeat(Math.max(0, labelWidth - displayWidth(name)));
  const indent = 4 + labelWidth + 2;
  // A path that is longer than a line stays whole: it has to be copied.
  const [first = "", ...rest] = breakLines(singleLine(detail), screen.width - indent);
  const verdict = `  ${sign(status, screen)} ${name}${space}  ${first}`;
  return [
    verdict,
    ...rest.map((line) => " ".repeat(indent) + line),
    ...(fix === undefined ? [] : describeFix(mapFix(fix, singleLine), screen)),
  ];
}

/** A command is printed whole on its own line where it does not fit after its purpose: it is there to be copied. */
function describeFix(fix: Fix, screen: BlockScreen): string[] {
  const { instruction, command } = fix;
  const line = `    - ${fixText(fix)}`;
  if (displayWidth(line) <= screen.width) return [line];
  const lines = breakLines(instruction, screen.width - 6);
  return [
    ...lines.map((each, index) => `${index === 0 ? "    - " : "      "}${each}`),
    ...(command === undefined ? [] : [`      ${command}`]),
  ];
}

/** `14 checks: 11 fine, 2 warnings, 1 failed` */
function summarize(checks: readonly Check[]): string {
  const count = (status: Check["status"]) => checks.filter((check) => check.status === status).length;
  const warnings = count("warn");
  const failed = count("fail");
  const parts = [
    warnings + failed === 0 ? "all fine" : `${count("ok")} fine`,
    ...(warnings > 0 ? [plural(warnings, "warning")] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ];
  return `${plural(checks.length, "check")}: ${parts.join(", ")}`;
}
