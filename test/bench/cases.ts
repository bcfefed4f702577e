// What is measured, and what it is to cost as a multiple of the bare pass-through.

import type { CaseName } from "./driver.ts";

export interface Case {
  name: CaseName;
  title: string;
  requests: number;
  concurrency: number;
  /** What the relay is to cost at most. */
  target: number;
  /** What was reached, and the spread of it: beyond this the long form fails, if a second measurement says the same. */
  ceiling: number;
}

export function benchCases({ short }: { short: boolean }): Case[] {
  const of = (long: number, brief: number) => (short ? brief : long);
  return [
    {
      name: "small",
      title: "small JSON",
      requests: of(1000, 500),
      concurrency: 16,
      target: 0.85,
      ceiling: 2.6,
    },
    {
      name: "stream",
      title: "stream of 200 events",
      requests: of(200, 100),
      concurrency: 16,
      target: 0.85,
      ceiling: 1.8,
    },
    {
      name: "megabyte",
      title: "1 MB request",
      requests: of(100, 50),
      concurrency: 4,
      target: 1.05,
      ceiling: 0.8,
    },
    { name: "large", title: "8 MB request", requests: of(20, 8), concurrency: 2, target: 1.05, ceiling: 0.8 },
    { name: "slow", title: "1,000 slow streams", requests: 1000, concurrency: 1000, target: 1, ceiling: 2.3 },
  ];
}
