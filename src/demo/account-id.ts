// The ids of the simulated accounts, by which a running demo is recognised.

import type { Family } from "../domain/family.ts";

export function demoAccountId(family: Family, position: 1 | 2 | 3): string {
  return `demo-${family}-${position}`;
}
