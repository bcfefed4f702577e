// How many cases a property draws.

/** All of them with `npm test -- --full`, else a third: what is drawn changes from run to run. */
export function draws(full: number): number {
  return process.env.CC_RELAY_FULL === undefined ? Math.ceil(full / 3) : full;
}

/** From one place where a text is split to the next: each of them with `--full`, else each third. */
export const cutStep = process.env.CC_RELAY_FULL === undefined ? 3 : 1;
