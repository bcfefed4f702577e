// The addresses of a login as they are shown. Each stays on one line, however long: a terminal lets a broken one be copied
// in pieces only.

import type { LoginLinks } from "../../oauth/login.ts";

export interface LinksView {
  /** A browser opens by itself. */
  opens: boolean;
  /** Somebody can paste a code. */
  pastes: boolean;
}

export function describeLinks({ automatic, manual }: LoginLinks, { opens, pastes }: LinksView): string {
  const paste = whatToPaste(manual);
  const byHand = { lead: `Open this address in any browser, and ${paste}:`, url: manual };
  if (automatic === undefined) return show([byHand]);
  const here = {
    lead: opens
      ? "Your browser opens now. If it does not, open this address on this machine:"
      : "Open this address in a browser on this machine:",
    url: automatic,
  };
  if (!pastes) return show([here]);
  // A client without a page of its own sends every browser back to this machine.
  if (automatic === manual) return show([here], `From a browser on another machine, ${paste}.`);
  return opens
    ? show([here, { lead: `From a browser on another machine, open this one and ${paste}:`, url: manual }])
    : show([byHand, { lead: "From a browser on this machine, this one needs no pasting:", url: automatic }]);
}

function show(links: readonly { lead: string; url: string }[], hint?: string): string {
  const blocks = links.map(({ lead, url }) => `${lead}\n\n  ${url}\n`);
  return `\n${[...blocks, ...(hint === undefined ? [] : [`${hint}\n`])].join("\n")}\n`;
}

/** A browser on another machine finds nothing at a loopback address, but its address bar then holds the code. */
function whatToPaste(link: string): string {
  const redirect = new URL(link).searchParams.get("redirect_uri") ?? "";
  return redirect.startsWith("http:")
    ? "paste the address that it ends at, though nothing is there"
    : "paste the code that it shows";
}
