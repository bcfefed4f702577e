// A name in allowed_hosts without api_keys lets everybody who reaches it spend: said at load and by `doctor`, which shows warnings.

import assert from "node:assert/strict";
import { test } from "node:test";
import { read } from "./support.ts";

test("allowed_hosts without api_keys is warned of, and with them it is not", () => {
  const hosts = '[server]\nallowed_hosts = ["relay.home"]\n';
  assert.match(
    read(hosts)
      .warnings.map(({ fact }) => fact)
      .join("\n"),
    /allowed_hosts names relay\.home .*no api_keys/,
  );
  assert.deepEqual(read(`api_keys = ["key-1-of-the-laptop"]\n${hosts}`).warnings, []);
});
