// Every sentence of the README, in its order, with the tests that hold it: a sentence that is changed or added has to be entered here,
// with a test that fails where it is not true. A part of a title is enough, with `…` for what a loop puts into it.

export interface Claim {
  sentence: string;
  /** `FILE: TITLE`, below test/. */
  tests: readonly string[];
  /** Why no test can hold it; such a sentence has no tests. */
  why?: string;
}

export const claims: readonly Claim[] = [
  {
    sentence: "One local endpoint for Claude Code, Gemini CLI, Codex and every SDK that speaks their APIs.",
    tests: [
      "readme.program.ts: every base URL of its table leads somewhere",
      "clients/demo.clients.ts: the demo answers …, which needs nothing but",
    ],
  },
  {
    sentence:
      "It forwards each request unchanged to the best of your own accounts, fails over to the next one before the client notices a failure, keeps a session on its account, and counts every token.",
    tests: [
      "relay/every-dialect.ts: …: the next account answers a … request, and the client sees nothing of it",
      "relay/every-dialect.ts: a session stays on its account",
      "relay/every-dialect.ts: and its usage is in the store when it ends",
    ],
  },
  {
    sentence:
      "**Transparent.** The body goes upstream byte for byte and the answer comes back byte for byte.",
    tests: [
      "relay/same-bytes.test.ts: …: every form of an answer comes through byte for byte",
      "upstreams/prepare.test.ts: the body goes out byte for byte, still in its coding",
    ],
  },
  {
    sentence:
      "The relay never claims to be another program: no invented user agent, system prompt, beta list or client id.",
    tests: [
      "upstreams/prepare.test.ts: of … are the client's, in order and case, with the credential and no coding",
      "oauth/tokens.test.ts: without the name of another program",
      "dialects/chat/dialect.test.ts: no header is made up for a client that sent none",
    ],
  },
  {
    sentence:
      "**Failover before the first byte, never after it.** Until your client has seen a byte, any account may answer.",
    tests: ["relay/every-dialect.ts: …: the next account answers a … request"],
  },
  {
    sentence:
      "After it nothing is resumed, retried or invented: a stream that is truncated upstream is broken off for the client too.",
    tests: [
      "relay/every-dialect.ts: an upstream that breaks off (…) makes the relay break off, and the usage so far is recorded",
      "relay/every-dialect.ts: a stream that ends cleanly without its last event is broken off too",
    ],
  },
  {
    sentence:
      "**Nothing lost.** A rotated refresh token is on disk before anything uses it, and a finished request's usage is in the database before the client sees its end.",
    tests: [
      "oauth/tokens.test.ts: the first credential exchanges the configured token and stores the pair before anybody has it",
      "app/detached-refresh-process.program.ts: kill -9 of a relay's whole group between the rotation and its answer loses nothing",
      "relay/every-dialect.ts: and its usage is in the store when it ends",
    ],
  },
  {
    sentence:
      "**Only you spend.** It listens on loopback, no web page can reach it, and secrets are in no log and no error.",
    tests: [
      "config/load.test.ts: without a file the defaults hold",
      "config/problems-server.test.ts: every address without keys",
      "server/server.test.ts: a page of another origin is refused, whatever it asks for",
      "cli/serve-log.program.ts: after a run full of echoes, every line is JSON and none holds a secret",
      "cli/report.test.ts: is printed with its stack, its cause, and how to report it, without secrets",
    ],
  },
  {
    sentence: "No account and no network is needed for this.",
    tests: ["readme.program.ts: the first minute goes as it says"],
  },
  {
    sentence: "On a fresh clone, with Node and npm:",
    tests: ["readme.test.ts: the commands that a newcomer is to type are the two that the checks type"],
  },
  {
    sentence:
      "It begins with an account at its limit, an account whose key is refused, and a few simulated clients that send a request every few seconds; windows fill and reset in minutes.",
    tests: [
      "demo/traffic.test.ts: within a minute there are a refused key, an account at its limit",
      "demo/demo.test.ts: and comes when the window is full again",
    ],
  },
  {
    sentence: "In another terminal, send one of your own:",
    tests: ["readme.program.ts: the first minute goes as it says"],
  },
  {
    sentence:
      "The log of `serve` shows the failovers that no client sees: a line for each failed attempt, with the account, the failure, the end of its cooldown, what followed and the reason.",
    tests: [
      "readme.program.ts: the first minute goes as it says",
      "cli/serve-request-line.test.ts: a failed attempt is one line with what it was, until when, and what followed",
    ],
  },
  {
    sentence: "The answer's header `x-cc-relay-account` names the account that answered.",
    tests: ["readme.program.ts: the first minute goes as it says"],
  },
  {
    sentence:
      "`serve` prints the line that looks into it, `npx cc-relay --config … top`; `log`, `usage`, `accounts list` and `web` show the rest.",
    tests: [
      "cli/serve-banner.test.ts: begins commands with npx where npx has started it",
      "cli/serve-banner.test.ts: of a demo that `env` does not find shows what it would have printed",
    ],
  },
  {
    sentence: "All of it is in a temporary folder that goes when the demo ends.",
    tests: ["readme.program.ts: what the demo has written goes with it"],
  },
  {
    sentence: "`cc-relay top`, live in the terminal:",
    tests: ["readme.test.ts: the files it links to are there"],
  },
  {
    sentence: "`cc-relay web`, the same in the browser:",
    tests: ["readme.test.ts: the files it links to are there"],
  },
  {
    sentence: "Accounts, usage, the requests, and why one of them changed its account",
    tests: ["readme.test.ts: the files it links to are there"],
  },
  {
    sentence: "API keys come first: they cover every kind of client.",
    tests: [
      "cli/login-key.test.ts: is asked for on a terminal, after the choice",
      "relay/logins.test.ts: Chat Completions are never converted for a login",
    ],
  },
  {
    sentence:
      "Or write `config.toml` yourself; [config.example.toml](config.example.toml) explains every key:",
    tests: [
      "config/example.test.ts: the example and the schema have the same keys",
      "readme.test.ts: the configuration it shows loads",
    ],
  },
  {
    sentence:
      "Without an account for an API, and without `api_keys`, the relay forwards your client's own credential and counts its usage as `passthrough`.",
    tests: [
      "relay/every-dialect.ts: without an account the client's own credential goes through, and is recorded as pass-through",
    ],
  },
  {
    sentence:
      "OAuth logins (`cc-relay login claude`, `cc-relay login gemini`) are for people whose agreement with the provider covers them.",
    tests: [],
    why: "whose agreement it is depends on the provider",
  },
  {
    sentence: "The command states the provider's terms and asks before it begins.",
    tests: [
      "cli/login-oauth.test.ts: goes through choice, terms and browser, and ends in the file and in the database",
      "cli/login-oauth.test.ts: ends on a no to the terms",
    ],
  },
  {
    sentence:
      "A Claude login serves requests that a Claude client made; converted Chat Completions use API keys only.",
    tests: ["relay/logins.test.ts: Chat Completions are never converted for a login"],
  },
  {
    sentence: "One person's own accounts: the relay has no features for reselling.",
    tests: [],
    why: "what is not there needs no test",
  },
  {
    sentence:
      "`cc-relay env` prints what each client needs, quoted for your shell, and `cc-relay run` starts a client once without changing any of its files:",
    tests: [
      "cli/env.test.ts: writes for fish, PowerShell and cmd",
      "outside/shells.outside.ts: mean exactly the key, whatever it is made of, in …",
      "cli/run-gemini.program.ts: removes that home afterwards, also when the client fails, and nothing it leads to",
    ],
  },
  {
    sentence:
      "With `--own-login` a client keeps the login that it has at its provider, and an account of type `client` schedules it like any other: your own plan first, for instance, and a key when the plan is out.",
    tests: [
      "relay/own-login.test.ts: is taken over at its limit before the client notices, stays away while that lasts, and comes back",
    ],
  },
  {
    sentence:
      "The relay's key travels beside the login in the header `x-cc-relay-key`; the login goes to its own provider alone, and nothing of it is stored.",
    tests: [
      "relay/own-login.test.ts: goes beside the relay's own key, which goes nowhere",
      "relay/own-login.test.ts: of each kind goes to its own provider",
      "relay/own-login.test.ts: nothing of it is written down",
    ],
  },
  {
    sentence: "Claude Code's own settings override its environment:",
    tests: ["cli/env.test.ts: what Claude Code's own settings put over the lines is named"],
  },
  {
    sentence: "`env` names the variables that they undo, and `run` overrides the settings for that run.",
    tests: [
      "cli/env.test.ts: what Claude Code's own settings put over the lines is named",
      "cli/run-claude-settings.program.ts: overrules them for this run",
    ],
  },
  {
    sentence:
      "Chat Completions for a `claude*` model are converted to Claude Messages; any other model goes as it came to an account of type `openai-responses`.",
    tests: [
      "relay/dialect-chat-native.test.ts: the owner's configuration and the model's name decide who answers",
    ],
  },
  {
    sentence:
      'An account\'s own `models` or `model_map` comes before that rule where it names the model; `"*"` names none, and takes what no account is there for.',
    tests: [
      "relay/dialect-chat-native.test.ts: the owner's configuration and the model's name decide who answers",
    ],
  },
  {
    sentence:
      'A stream\'s usage is known only where the client asks for it with `stream_options: {"include_usage": true}`.',
    tests: ["relay/dialect-chat-native.test.ts: without include_usage the usage of a stream is unknown"],
  },
  {
    sentence:
      "A parameter that Claude does not have is refused by its name where it would change the form of the answer; else it is listed in the answer's header `x-cc-relay-warning`.",
    tests: [
      "dialects/chat/parameters.test.ts: is refused, and … named",
      "relay/dialect-chat.test.ts: what the conversion loses is named in a header of the answer",
    ],
  },
  {
    sentence: "A session stays on its account.",
    tests: ["relay/every-dialect.ts: a session stays on its account"],
  },
  {
    sentence:
      "A new one goes to the account with the highest `priority` that is ready and has room in its usage windows; among equals, to the least recently used.",
    tests: [
      "accounts/select.test.ts: the higher priority is tried first",
      "accounts/select.test.ts: an account whose window is full ranks behind one with room",
      "accounts/select.test.ts: ties go to the least recently used",
    ],
  },
  {
    sentence:
      "After a failure an account is in cooldown, and the provider's answer decides for how long: a limit until its reset, missing capacity for seconds, a refused credential until it is fixed.",
    tests: [
      "accounts/cooldown.test.ts: a limit puts the account, or only the model, in cooldown until the provider's time",
      "docs.test.ts: what the table says of the account is what the code decides",
    ],
  },
  {
    sentence:
      "Cooldowns survive a restart; `cc-relay accounts enable ID` ends one, and so does a change of the settings that led to it.",
    tests: [
      "relay/cooldowns.test.ts: cooldowns survive a restart",
      "relay/cooldowns.test.ts: an account that is enabled by hand is used within a second",
      "accounts/pool-settings.test.ts: what is fixed in the configuration ends the cooldown that it led to",
    ],
  },
  {
    sentence: "A request can name its account with the header `x-cc-relay-account: ID`.",
    tests: ["relay/cooldowns.test.ts: an account that a client names serves it, in cooldown or not"],
  },
  {
    sentence:
      "When every account is in cooldown the answer says until when, in the form of the API that was called, with `retry-after` set to the earliest end of a cooldown.",
    tests: [
      "relay/every-dialect.ts: every account at its limit is reported in the API's own form, with the earliest return",
    ],
  },
  {
    sentence: "`[models]` in config.toml gives models other names, or puts a chain in their place:",
    tests: ["relay/model-names.test.ts: an alias changes the bytes of that one value"],
  },
  {
    sentence:
      '`"claude-opus-*" = ["claude-opus-5-5", "claude-sonnet-5-5"]` asks for the second only when every account is in cooldown for the first.',
    tests: ["relay/model-names.test.ts: a chain goes on only when every account is out for the model before"],
  },
  {
    sentence:
      "Without it no name is replaced, and a replacement always shows: the answer's header `x-cc-relay-model`, the log and the usage name what was sent.",
    tests: [
      "relay/model-names.test.ts: without a pattern that fits nothing is replaced",
      "relay/model-names.test.ts: header, log and usage have both names",
    ],
  },
  {
    sentence:
      "Anthropic does not support other than Claude's models in Claude Code, through any gateway; a chain that ends in one is at your own risk.",
    tests: [],
    why: "what Anthropic supports is its own word",
  },
  { sentence: "Every listing takes `--json`.", tests: ["readme.test.ts: every listing takes --json"] },
  {
    sentence: "Results go to standard output, everything else to standard error.",
    tests: [
      "cli/service.test.ts: prints the file on standard output and what is missing on standard error",
      "terminal/prompts.test.ts: ask on standard error and return the answer",
    ],
  },
  {
    sentence: "Exit codes: 0 fine, 1 failed, 2 wrong usage or cancelled, 4 login needed.",
    tests: [
      "cli/main.program.ts: exits with 2 for wrong usage and 1 for a wrong configuration",
      "cli/main.program.ts: prints its version and exits with 0",
      "cli/report.test.ts: has no stack trace and its own exit code",
      "cli/doctor-logins.program.ts: a dead one is found, and the command that logs in again is named",
    ],
  },
  {
    sentence:
      "They have the form of the API that was called, one sentence that says what happened and what to do, and the header `x-cc-relay-error` with one of these codes.",
    tests: [
      "dialects/errors.test.ts: Claude's clients get every error in Claude's envelope",
      "dialects/errors.test.ts: Gemini's clients get every error in Google's form",
      "dialects/errors.test.ts: OpenAI's clients get every error in OpenAI's form",
    ],
  },
  {
    sentence: "Errors of the provider pass through unchanged.",
    tests: ["relay/every-dialect.ts: … on a … request is passed on and blames nobody"],
  },
  {
    sentence:
      "In Claude's form `over_capacity` and `edge_refused` have status 529, in OpenAI's `binding_gone` has 400, as in those APIs.",
    tests: [
      "dialects/errors.test.ts: Claude's clients get every error in Claude's envelope",
      "dialects/errors.test.ts: OpenAI's clients get every error in OpenAI's form",
    ],
  },
  {
    sentence:
      "`cc-relay service print systemd|launchd|docker-compose` prints a unit with this machine's paths.",
    tests: [
      "cli/service.test.ts: runs serve with this machine's paths and little else to write to",
      "cli/service.test.ts: runs serve with this machine's paths",
      "cli/service.test.ts: publishes the port on loopback where clients need a key",
    ],
  },
  {
    sentence:
      "`SIGTERM`, Ctrl-C and a closed terminal let open answers finish within `drain_seconds`; `SIGHUP` or a change of the file reloads accounts, keys and limits without touching them.",
    tests: [
      "cli/serve-signals.program.ts: … lets an open stream end, refuses new connections, and exits 0",
      "cli/serve-terminal.program.ts: lets an open answer finish when its terminal is closed",
      "cli/serve-signals.program.ts: SIGHUP reads the configuration again",
      "app/reload.test.ts: keys and limits are read anew",
      "app/reload.test.ts: an open stream goes on where it is",
    ],
  },
  {
    sentence: "`/health` answers without a key, `/metrics` in Prometheus' text format.",
    tests: [
      "server/server.test.ts: health needs no key and says the version and the uptime",
      "server/server.test.ts: metrics are Prometheus text with what was served",
    ],
  },
  {
    sentence:
      "Mount the configuration's folder into a container, not the file alone: a replaced file would not be seen (`docker-compose.yml`).",
    tests: [
      "readme.test.ts: docker-compose.yml mounts the folder of the configuration",
      "config/reload.test.ts: a mount point is read with what is written as octal numbers in it",
    ],
  },
  {
    sentence:
      "To let other machines use the relay, set `api_keys` first: without them it listens on loopback only.",
    tests: ["config/problems-server.test.ts: every address without keys"],
  },
  {
    sentence:
      "`cc-relay top` shows what it does, live in the terminal, `cc-relay log` the requests one by one, and `[[notify]]` sends a message when an account or the database is in trouble: [docs/watching.md](docs/watching.md).",
    tests: [
      "cli/top/screens.test.ts: … at … columns is the picture that is kept",
      "cli/log.test.ts: following shows the last ones first, then each that ends, once",
      "notify/notices.test.ts: a refused credential is reported at once",
      "notify/notices.test.ts: a database that is kept in memory is reported",
    ],
  },
  {
    sentence:
      "`cc-relay web` shows all of it in the browser, live and read-only: [docs/web.md](docs/web.md).",
    tests: [
      "web/page.test.ts: the page only reads: every other method is refused",
      "web/screens.web.ts: a request appears while it runs and when it is over, without a reload",
    ],
  },
  {
    sentence: "`GET /status` gives the same to programs as JSON, and `GET /status?follow` a line per change.",
    tests: [
      "web/status.test.ts: it says what every account does, the last requests with their path and cost",
      "web/status.test.ts: followed, it sends a line at once and one per change",
    ],
  },
  {
    sentence:
      "`npm run bench` measures CPU time per request beside the least that a pass-through in Node can be, nginx and haproxy where they are installed, and Portkey.",
    tests: ["readme.test.ts: the picture of what a request costs shows what is said of it"],
  },
  {
    sentence:
      "This is one of its runs on two shared cores: small requests cost more than passing bytes on, large ones less.",
    tests: [
      "readme.test.ts: the picture of what a request costs shows what is said of it",
      "bench/cases.test.ts: what was reached for large requests is less than a pass-through takes",
    ],
  },
  {
    sentence: "`npm run check` adds the linter and the types.",
    tests: ["readme.test.ts: npm run check is the linter, the types and npm test"],
  },
  {
    sentence: "The slow suites have scripts of their own:",
    tests: [
      "readme.test.ts: the files it links to are there, and the scripts it names exist",
      "readme.test.ts: the table of slow suites has each of them, which need Debian, and how many cases each has by itself",
    ],
  },
  {
    sentence: "Node 22.19 or later is needed to run cc-relay.",
    tests: ["doctor/node.test.ts: the oldest Node is the one that package.json names"],
  },
  {
    sentence: "In a clone, `npm ci` brings a fitting Node along.",
    tests: ["readme.test.ts: a clone brings the Node along that it needs"],
  },
  { sentence: "[MIT](LICENSE)", tests: ["readme.test.ts: the files it links to are there"] },
];
