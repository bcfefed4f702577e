import { describeProblems, type ProblemCase } from "./support.ts";

const account = '[[accounts]]\ntype = "claude-api"\nid = "a"\napi_key = "KEY"\n';
const one = (rest: string) => `[[accounts]]\ntype = "claude-api"\nid = "a"\n${rest}\n`;
const types = '"claude-api", "claude-oauth", "gemini-api", "gemini", "openai-responses", "client"';

const listFix = "write [[accounts]], in double brackets, above each account";
const idFix = 'write id = "claude-1"';
const withId = (id: string): string => `[[accounts]]\ntype = "claude-api"\napi_key = "KEY"\nid = "${id}"\n`;
const reserved = "is a name that the usage figures need for themselves";

const accounts: ProblemCase[] = [
  [
    "single brackets",
    '[accounts]\nid = "a"',
    [`1 accounts: must be a list of tables, and is a table -> ${listFix}`],
  ],
  [
    "a list of strings",
    'accounts = ["a"]',
    ["1 accounts[0]: must be a table, and is a string -> write [[accounts]]"],
  ],
  [
    "nothing in it",
    "[[accounts]]",
    [
      '1 accounts[0].type: is missing -> write type = "claude-api"',
      `1 accounts[0].id: is missing -> ${idFix}`,
    ],
  ],
  [
    "a mistyped type",
    '[[accounts]]\ntype = "claude_ap"\nid = "a"',
    [`2 accounts[0].type: must be one of ${types} -> did you mean type = "claude-api"?`],
  ],
  [
    "an unheard-of type",
    '[[accounts]]\ntype = "mistral"\nid = "a"',
    [`2 accounts[0].type: must be one of ${types} -> write type = "claude-api"`],
  ],
  ["an empty id", withId(""), [`4 accounts[0].id: is empty -> ${idFix}`]],
  [
    "an odd id",
    withId("a b"),
    [`4 accounts[0].id: may hold letters, digits, dots, dashes and underscores only -> ${idFix}`],
  ],
  [
    "an id beyond ASCII",
    withId("bücher"),
    [`4 accounts[0].id: may hold letters, digits, dots, dashes and underscores only -> ${idFix}`],
  ],
  ["an endless id", withId("a".repeat(101)), [`4 accounts[0].id: is longer than 100 characters -> ${idFix}`]],
  ["the id of pass-through", withId("passthrough"), [`4 accounts[0].id: ${reserved} -> ${idFix}`]],
  ["the id of nobody", withId("(none)"), [`4 accounts[0].id: ${reserved} -> ${idFix}`]],
  [
    "the same id twice",
    `${account}${account}`,
    ["7 accounts[1].id: is also the id of accounts[0] -> give every account its own id"],
  ],
  [
    "the same id three times",
    `${account}${account}${account}`,
    [
      "7 accounts[1].id: is also the id of accounts[0] -> give every account its own id",
      "11 accounts[2].id: is also the id of accounts[0] -> give every account its own id",
    ],
  ],
  [
    "a fraction of a priority",
    one('api_key = "KEY"\npriority = 1.5'),
    ["5 accounts[0].priority: must be a whole number, and is 1.5 -> write priority = 100"],
  ],
  [
    "a word for a truth",
    one('api_key = "KEY"\nenabled = "yes"'),
    ["5 accounts[0].enabled: must be true or false, and is a string -> write enabled = true"],
  ],
  [
    "a name of two lines",
    one('api_key = "KEY"\nname = "a\\nb"'),
    ['5 accounts[0].name: holds a control character -> write name = "Work"'],
  ],
  [
    "a model instead of models",
    one('api_key = "KEY"\nmodels = "*opus*"'),
    ['5 accounts[0].models: must be a list in brackets, and is a string -> write models = ["*opus*"]'],
  ],
  [
    "no model",
    one('api_key = "KEY"\nmodels = []'),
    ['5 accounts[0].models: is empty: no request would fit -> write models = ["*opus*"]'],
  ],
  [
    "an empty model",
    one('api_key = "KEY"\nmodels = ["*", ""]'),
    ['5 accounts[0].models[1]: is empty -> write "*opus*"'],
  ],
  [
    "a project elsewhere",
    one('api_key = "KEY"\nproject = "p"'),
    ["5 accounts[0].project: is for accounts of type gemini, and this one is claude-api -> remove it"],
  ],
];

describeProblems("accounts", accounts);
