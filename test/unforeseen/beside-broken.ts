// How many of ninety requests come out whole beside an account that is broken in one of fifteen ways, on every route.

import { brokenAccounts, noAnswers, truncatedStreams } from "../support/broken-accounts.ts";
import { send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { type StrangeFamily, strangeFamilies, typeOfFamily } from "../support/strange.ts";

const turns = 6;
const all = 90;
/** A stream whose first bytes are out when it ends is lost, once for each such account. */
const minWhole = all - Object.keys(truncatedStreams).length;

export async function besideBroken({
  short,
}: {
  short: boolean;
}): Promise<{ faults: string[]; summary: string[] }> {
  const faults: string[] = [];
  const summary: string[] = [];
  for (const family of strangeFamilies) {
    const parts: string[] = [];
    for (const stream of short ? [true] : [true, false]) {
      for (const kind of ["broken", "no answer"] as const) {
        const lost = await lostBeside(family, kind, stream);
        const whole = all - lost.length;
        parts.push(`${kind}${stream ? ", streamed" : ""} ${whole}`);
        if (whole < minWhole)
          faults.push(`${family.name}, ${kind}, stream ${stream}: lost ${lost.join("; ")}`);
      }
    }
    summary.push(`whole of ${all} beside a broken account, ${family.name}: ${parts.join(" | ")}`);
  }
  return { faults, summary };
}

async function lostBeside(
  family: StrangeFamily,
  kind: "broken" | "no answer",
  stream: boolean,
): Promise<string[]> {
  const ways = kind === "broken" ? brokenAccounts(family.name) : noAnswers(family.name);
  const lost: string[] = [];
  for (const [way, behaviour] of Object.entries(ways)) {
    const endings: (() => unknown)[] = [];
    const { upstream, relay } = await setStage(
      { after: (ending) => void endings.unshift(ending as () => unknown) },
      { type: typeOfFamily[family.name], ids: ["broken", "good"] },
    );
    upstream.on("key-of-broken", behaviour);
    for (let turn = 1; turn <= turns; turn++) {
      const request = family.generate(family.models.ordinary, stream, `${way} ${turn}`);
      const answer = await send(relay.url, request).catch(() => undefined);
      if (answer?.status !== 200 || answer.end !== "clean" || !isGood(family, answer.text, stream))
        lost.push(`${way}, request ${turn}`);
    }
    for (const ending of endings) await ending();
  }
  return lost;
}

/** Whole, and no error in its place. */
function isGood(family: StrangeFamily, text: string, stream: boolean): boolean {
  return family.isWhole(text, stream) && !/"error":\s*[{"]|"type":\s*"error"/.test(text);
}
