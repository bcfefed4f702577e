import { describeProblems, type ProblemCase } from "./support.ts";

const account = '[[accounts]]\ntype = "claude-api"\nid = "a"\napi_key = "KEY"\n';
const oauthKeys = "authorize_url, token_url, client_id, client_secret, redirect_uri, scopes";
const accountKeys =
  "type, id, name, priority, enabled, family, api_url, insecure_http, api_key, api_key_env, refresh_token, setup_token, setup_token_expires, auth, model_map, context_window, refuses, heal_signatures, only_when_out, models, proxy, project";

const keys: ProblemCase[] = [
  ["a mistyped key", "[server]\nprot = 1", ["2 server.prot: is not a known key -> did you mean port?"]],
  [
    "a key with a dash",
    "[server]\nlog-level = 'info'",
    ["2 server.log-level: is not a known key -> did you mean log_level?"],
  ],
  [
    "the beginning of a key",
    "[session]\nmax_wait = 1",
    ["2 session.max_wait: is not a known key -> did you mean max_wait_seconds?"],
  ],
  [
    "a key of another section",
    "database_path = 'x'",
    ["1 database_path: is not a known key -> it belongs elsewhere: server.database_path"],
  ],
  [
    "a key of two others",
    "port = 1",
    ["1 port: is not a known key -> it belongs elsewhere: server.port or accounts[].proxy.port"],
  ],
  [
    "an account's key at the top of the file, which is no key of the relay's own",
    'api_key = "secret"',
    ["1 api_key: is not a known key -> it belongs elsewhere: accounts[].api_key"],
  ],
  [
    "the file of another program",
    '[package]\nname = "x"\n[profile.release]\nlto = true',
    [
      "? : has none of cc-relay's keys: it is another program's -> name your own with --config FILE or CC_RELAY_CONFIG, or start from another folder",
    ],
  ],
  [
    "two mistyped sections",
    "[sever]\n[sesion]",
    [
      "1 sever: is not a known key -> did you mean server?",
      "2 sesion: is not a known key -> did you mean session?",
    ],
  ],
  ["a mistyped section", "[sever]\nport = 1", ["1 sever: is not a known key -> did you mean server?"]],
  [
    "an unheard-of key",
    "[usage]\nfoo = 1",
    ["2 usage.foo: is not a known key -> remove it; usage can have: retention_days"],
  ],
  [
    "an unheard-of section",
    "[foo]",
    [
      "1 foo: is not a known key -> remove it; the file can have: api_keys, server, session, upstream, usage, models, ui, notify, oauth, accounts",
    ],
  ],
  [
    "a provider without login",
    "[oauth.openai]",
    ["1 oauth.openai: is not a known key -> remove it; oauth can have: claude, gemini"],
  ],
  [
    "a key of oauth",
    "[oauth.gemini]\nfoo = 1",
    [`2 oauth.gemini.foo: is not a known key -> remove it; oauth.gemini can have: ${oauthKeys}`],
  ],
  [
    "a key of an account",
    `${account}foo = 1`,
    [`5 accounts[0].foo: is not a known key -> remove it; accounts[0] can have: ${accountKeys}`],
  ],
  [
    "a key of a proxy",
    `${account}[accounts.proxy]\ntype = "socks5"\nhost = "h"\nuser = "u"`,
    ["8 accounts[0].proxy.user: is not a known key -> did you mean username?"],
  ],
  [
    "a key of a client key",
    'api_keys = [{ name = "n", kye = "k" }]',
    [
      '1 api_keys[0].key: is missing -> write key = "KEY"',
      "1 api_keys[0].kye: is not a known key -> did you mean key?",
    ],
  ],
  [
    "a prototype",
    "__proto__ = 1",
    [
      "1 __proto__: is not a known key -> remove it; the file can have: api_keys, server, session, upstream, usage, models, ui, notify, oauth, accounts",
    ],
  ],
  [
    "a constructor",
    "[server]\nconstructor = 1",
    [
      "2 server.constructor: is not a known key -> remove it; server can have: host, port, database_path, log_level, max_body_mb, max_converted_mb, memory_mb, allowed_hosts, allowed_origins, drain_seconds",
    ],
  ],
  [
    "control characters",
    '"a\\u001b[31m\\u202e\\n" = 1',
    [
      '1 "a\\u001b[31m\\u202e\\u000a": is not a known key -> remove it; the file can have: api_keys, server, session, upstream, usage, models, ui, notify, oauth, accounts',
    ],
  ],
  [
    "a key in place of its name",
    '"sk-ant-api03-abcdefghijklm" = 1',
    [
      '1 "sk-ant-***": is not a known key -> remove it; the file can have: api_keys, server, session, upstream, usage, models, ui, notify, oauth, accounts',
    ],
  ],
];

const trapFix = "move the line api_keys = […] to the top of the file, above the first [section]";
const trap = (section: string) =>
  `is below ${section}, so that it belongs to that section and protects nothing`;

const traps: ProblemCase[] = [
  ["[server]", '[server]\napi_keys = ["k"]', [`2 server.api_keys: ${trap("[server]")} -> ${trapFix}`]],
  ["[session]", '[session]\napi_keys = ["k"]', [`2 session.api_keys: ${trap("[session]")} -> ${trapFix}`]],
  [
    "[oauth.claude]",
    '[oauth.claude]\napi_keys = ["k"]',
    [`2 oauth.claude.api_keys: ${trap("[oauth.claude]")} -> ${trapFix}`],
  ],
  [
    "[[accounts]]",
    `${account}api_keys = ["k"]`,
    [`5 accounts[0].api_keys: ${trap("[[accounts]]")} -> ${trapFix}`],
  ],
  [
    "[accounts.proxy]",
    `${account}[accounts.proxy]\ntype = "none"\napi_keys = ["k"]`,
    [`7 accounts[0].proxy.api_keys: ${trap("[accounts.proxy]")} -> ${trapFix}`],
  ],
];

const emptyKey = 'is empty -> write "KEY" or { name = "laptop", key = "KEY" }';

const clientKeys: ProblemCase[] = [
  [
    "a string instead of a list",
    'api_keys = "k"',
    ['1 api_keys: must be a list in brackets, and is a string -> write api_keys = ["KEY"]'],
  ],
  [
    "a table instead of a list",
    '[api_keys]\nlaptop = "k"',
    ['1 api_keys: must be a list in brackets, and is a table -> write api_keys = ["KEY"]'],
  ],
  [
    "a number",
    "api_keys = [12345678]",
    [
      '1 api_keys[0]: must be a string or { name = "…", key = "…" }, and is a number -> write "KEY" or { name = "laptop", key = "KEY" }',
    ],
  ],
  ["an empty key", 'api_keys = [""]', [`1 api_keys[0]: ${emptyKey}`]],
  ["a blank key", 'api_keys = [\n  "k",\n  "  ",\n]', [`3 api_keys[1]: ${emptyKey}`]],
  [
    "an empty named key",
    'api_keys = [{ name = "n", key = "" }]',
    ['1 api_keys[0].key: is empty -> write key = "KEY"'],
  ],
  [
    "an empty name",
    'api_keys = [{ name = "", key = "k" }]',
    ['1 api_keys[0].name: is empty -> write name = "laptop"'],
  ],
  [
    "a name with a control character",
    'api_keys = [{ name = "a\\u001b", key = "k" }]',
    ['1 api_keys[0].name: holds a control character -> write name = "laptop"'],
  ],
  ["no name", 'api_keys = [{ key = "k" }]', ['1 api_keys[0].name: is missing -> write name = "laptop"']],
  [
    "the same key twice",
    'api_keys = ["k", { name = "n", key = "k" }]',
    ["1 api_keys[1]: is the same key as api_keys[0] -> remove one of the two"],
  ],
  [
    "the same name twice",
    'api_keys = [{ name = "n", key = "a" },\n{ name = "n", key = "b" }]',
    ["2 api_keys[1].name: is also the name of api_keys[0] -> give every key its own name"],
  ],
  [
    "a name that a position has",
    'api_keys = [{ name = "key-2", key = "a" }, "b"]',
    [
      "1 api_keys[1]: is called key-2 by its position, and api_keys[0] has that name -> give api_keys[0] another name",
    ],
  ],
];

describeProblems("unknown keys", keys);
describeProblems("api_keys below a section", traps);
describeProblems("client keys", clientKeys);
