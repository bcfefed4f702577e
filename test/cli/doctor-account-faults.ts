// What doctor says about accounts, on a machine where no relay runs: what the accounts are like does not depend on one.

import type { TestContext } from "node:test";
import { createSite, inspectHere, type Site } from "./doctor-site.ts";

export async function siteFor(t: TestContext): Promise<Site> {
  const site = await createSite({ withoutRelay: true });
  site.site.inspectDatabase = inspectHere;
  t.after(() => site.close());
  return site;
}

/** What is wrong besides that no relay runs. */
export async function accountFaults(site: Site): Promise<{ found: string[]; code: number }> {
  const { found, code } = await site.faults();
  return { found: found.filter((fault) => !fault.startsWith("warn daemon: not running")), code };
}
