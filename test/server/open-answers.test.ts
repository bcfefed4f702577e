// The list of the answers that are open.

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { createOpenAnswers } from "../../src/server/open-answers.ts";

test("what is removed is gone, in whatever order, and the others stay", () => {
  const responses = Array.from({ length: 5 }, () => ({}) as ServerResponse);
  for (const order of [
    [0, 1, 2, 3, 4],
    [4, 3, 2, 1, 0],
    [2, 0, 4, 1, 3],
  ]) {
    const answers = createOpenAnswers();
    const open = responses.map((response) => answers.add(response));
    const left = new Set(responses);
    for (const index of order) {
      answers.remove(open[index]!);
      left.delete(responses[index]!);
      assert.deepEqual(new Set([...answers].map(({ response }) => response)), left);
      assert.equal(answers.size, left.size);
    }
  }
});

test("an answer may be removed while the list is gone through", () => {
  const answers = createOpenAnswers();
  for (let count = 0; count < 3; count++) answers.add({} as ServerResponse);
  let seen = 0;
  for (const open of answers) {
    answers.remove(open);
    seen++;
  }
  assert.equal(seen, 3);
  assert.equal(answers.size, 0);
});
