// What can be wrong with [models], [ui], [[notify]], and with settings that contradict each other.

import { describeProblems, type ProblemCase } from "./support.ts";

const origins = (value: string) => `api_keys = ["K"]\n[server]\nallowed_origins = ["${value}"]\n`;
const originFix = 'write "app://obsidian.md"';
const notify = (rest: string) => `[[notify]]\n${rest}\n`;

const cases: ProblemCase[] = [
  [
    "an origin without keys",
    '[server]\nallowed_origins = ["app://obsidian.md"]',
    [
      '2 server.allowed_origins: lets pages in, and there are no api_keys that they would have to send -> write api_keys = ["KEY"] above the first [section], or remove it',
    ],
  ],
  ...(
    [
      ["*", "is a pattern, and origins are compared exactly"],
      ["https://*.example.com", "is a pattern, and origins are compared exactly"],
      ["null", 'is what any page can send that hides its origin: "null" is never allowed'],
      ["example.com", "is no origin: a scheme and a host, with a port where it has one, and no path"],
      [
        "https://example.com/",
        "is no origin: a scheme and a host, with a port where it has one, and no path",
      ],
      ["https://a.example:443", "is not spelled as browsers send it: lower case, without a usual port"],
      ["https://A.example", "is not spelled as browsers send it: lower case, without a usual port"],
    ] as const
  ).map(
    ([value, what]): ProblemCase => [
      `the origin ${value}`,
      origins(value),
      [`3 server.allowed_origins[0]: ${what} -> ${originFix}`],
    ],
  ),
  [
    "a first byte before its connection",
    "[upstream]\nconnect_timeout_seconds = 10\nfirst_byte_timeout_seconds = 5\n",
    [
      "3 upstream.first_byte_timeout_seconds: is below connect_timeout_seconds (10), so that a connection could not use its own time -> write first_byte_timeout_seconds = 10 or more",
    ],
  ],
  [
    "an address of ChatGPT by plain http",
    '[upstream]\nchatgpt_url = "http://chatgpt.com"',
    [
      '2 upstream.chatgpt_url: would send credentials unencrypted: plain http is for this machine (127.0.0.1) only -> write chatgpt_url = "https://chatgpt.com/backend-api/codex"',
    ],
  ],
  [
    "a socket that is neither on nor off",
    '[upstream]\nwebsocket = "no"',
    ["2 upstream.websocket: must be true or false, and is a string -> write websocket = true"],
  ],
  [
    "an empty chain",
    '[models]\n"a" = []',
    [
      '2 models.a: is empty: nothing would be asked for -> write "PATTERN" = "MODEL" or "PATTERN" = ["MODEL", "NEXT"]',
    ],
  ],
  [
    "a chain to a pattern",
    '[models]\n"a" = ["b", "c-*"]',
    ['2 models.a[1]: is a pattern, where the one name belongs that is sent -> write "MODEL"'],
  ],
  [
    "a figure for a model",
    '[models]\n"a" = 5',
    [
      '2 models.a: must be a model\'s name or a list of them, and is a number -> write "PATTERN" = "MODEL" or "PATTERN" = ["MODEL", "NEXT"]',
    ],
  ],
  [
    "a pattern of two words",
    '[models]\n"a b" = "c"',
    [
      '2 models."a b": holds white space or a control character -> write a pattern of model ids, such as "*opus*"',
    ],
  ],
  [
    "a page that is neither on nor off",
    "[ui]\nenabled = 1",
    ["2 ui.enabled: must be true or false, and is a number -> write enabled = true"],
  ],
  [
    "a receiver without an address",
    notify("after_seconds = 5"),
    ['1 notify[0]: names no receiver -> write webhook = "URL", ntfy = "URL" or command = […]'],
  ],
  [
    "two receivers in one",
    notify('webhook = "https://a.example/x?y=z"\nntfy = "http://ntfy.lan/topic"'),
    [
      "3 notify[0].ntfy: is there together with webhook, and a [[notify]] has one receiver -> give each receiver a [[notify]] of its own",
    ],
  ],
  [
    "a receiver that is no address",
    notify('webhook = "hooks.example/x"'),
    ['2 notify[0].webhook: is no complete URL -> write webhook = "https://HOST/PATH"'],
  ],
  [
    "an unknown event",
    notify('ntfy = "https://ntfy.sh/t"\nevents = ["cooldwn"]'),
    [
      '3 notify[0].events[0]: must be one of "cooldown", "needs-login", "account-back", "family-out", "family-back", "window", "storage" -> did you mean "cooldown"?',
    ],
  ],
  [
    "no event at all",
    notify('ntfy = "https://ntfy.sh/t"\nevents = []'),
    ['3 notify[0].events: is empty: nothing would be sent -> write events = ["needs-login", "family-out"]'],
  ],
  [
    "no program",
    notify("command = []"),
    ['2 notify[0].command: is empty: no program would be started -> write command = ["PROGRAM", "ARGUMENT"]'],
  ],
  [
    "a proxy that is none",
    notify('ntfy = "https://ntfy.sh/t"\nproxy = "none"'),
    ['3 notify[0].proxy: is no address of a proxy -> write proxy = "http://HOST:3128"'],
  ],
];

describeProblems("further sections", cases);
