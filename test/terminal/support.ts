// Screens of a known kind for tests.

import type { Screen } from "../../src/terminal/output.ts";
import { createStyle } from "../../src/terminal/style.ts";

export type FakeScreen = Screen & { text(): string };

export function fakeScreen(
  options: { isTerminal?: boolean; width?: number; colour?: boolean; unicode?: boolean } = {},
): FakeScreen {
  const parts: string[] = [];
  return {
    write: (text) => void parts.push(text),
    isTerminal: options.isTerminal ?? true,
    width: options.width ?? 80,
    style: createStyle(options.colour ?? false),
    unicode: options.unicode ?? true,
    isGone: () => false,
    text: () => parts.join(""),
  };
}
