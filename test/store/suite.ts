// What every store must do. An implementation's test file calls `storeSuite` with a way to open it.

import { after, before } from "node:test";
import { accountsSuite } from "./accounts-suite.ts";
import { bindingsSuite } from "./bindings-suite.ts";
import { changesSuite } from "./changes-suite.ts";
import { daemonSuite } from "./daemon-suite.ts";
import { noticesSuite } from "./notices-suite.ts";
import { type CreateHarness, createStoreTest } from "./store-test.ts";
import { tokensSuite } from "./tokens-suite.ts";
import { usageSuite } from "./usage-suite.ts";
import { useZone } from "./zones.ts";

export function storeSuite(name: string, createHarness: CreateHarness): void {
  const storeTest = createStoreTest(createHarness);

  // The names of days in the expectations.
  before(() => useZone("UTC"));
  after(() => useZone(undefined));

  accountsSuite(name, storeTest);
  bindingsSuite(name, storeTest);
  tokensSuite(name, storeTest);
  usageSuite(name, storeTest, createHarness);
  noticesSuite(name, storeTest);
  daemonSuite(name, storeTest);
  changesSuite(name, storeTest);
}
