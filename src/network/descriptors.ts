// Whether this process lacks file descriptors, or did a moment ago.

import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { systemClock } from "../time/clock.ts";

/** Looking a name up takes milliseconds to seconds, and its failure is seen when others may have given theirs back. */
const rememberedMs = 5000;

let last: { code: string; at: number } | undefined;

/** Looks whether there is one left now; to be called before a name is looked up. Costs two system calls. */
export function probeDescriptors(): void {
  try {
    closeSync(openSync(devNull, "r"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EMFILE" || code === "ENFILE") last = { code, at: systemClock.monotonic() };
  }
}

/** The code with which a descriptor was refused, now or in the last five seconds; undefined when none was. */
export function findDescriptorShortage(): string | undefined {
  probeDescriptors();
  return last !== undefined && systemClock.monotonic() - last.at < rememberedMs ? last.code : undefined;
}
