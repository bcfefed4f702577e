import { describeProblems, type ProblemCase } from "./support.ts";

const hostFix = 'write host = "127.0.0.1"';
const exposed = `lets other machines in, and there are no api_keys to keep strangers from spending your accounts -> write api_keys = ["KEY"] above the first [section], or host = "127.0.0.1"`;

const server: ProblemCase[] = [
  ["no section", "server = 1", ["1 server: must be a table, and is a number -> write [server]"]],
  [
    "a date for a section",
    "server = 2020-01-01",
    ["1 server: must be a table, and is a date -> write [server]"],
  ],
  ["a list of sections", "[[server]]", ["1 server: must be a table, and is a list -> write [server]"]],
  [
    "a port too high",
    "[server]\nport = 70000",
    ["2 server.port: must be a whole number from 0 to 65535, and is 70000 -> write port = 3000"],
  ],
  [
    "a port below zero",
    "[server]\nport = -1",
    ["2 server.port: must be a whole number from 0 to 65535, and is -1 -> write port = 3000"],
  ],
  [
    "a port in quotes",
    '[server]\nport = "3000"',
    ["2 server.port: must be a whole number from 0 to 65535, and is a string -> write port = 3000"],
  ],
  [
    "a fraction of a port",
    "[server]\nport = 1.5",
    ["2 server.port: must be a whole number from 0 to 65535, and is 1.5 -> write port = 3000"],
  ],
  [
    "a port beyond all numbers",
    "[server]\nport = 99999999999999999999",
    [
      "2 server.port: must be a whole number from 0 to 65535, and is 99999999999999999999 -> write port = 3000",
    ],
  ],
  [
    "an endless port",
    `[server]\nport = ${"9".repeat(1000)}`,
    ["2 server.port: must be a whole number from 0 to 65535, and is a number -> write port = 3000"],
  ],
  ["every address without keys", '[server]\nhost = "0.0.0.0"', [`2 server.host: ${exposed}`]],
  ["every IPv6 address without keys", '[server]\nhost = "::"', [`2 server.host: ${exposed}`]],
  ["a name without keys", '[server]\nhost = "relay.lan"', [`2 server.host: ${exposed}`]],
  ["an empty list of keys", 'api_keys = []\n[server]\nhost = "192.168.1.2"', [`3 server.host: ${exposed}`]],
  ["an empty host", '[server]\nhost = ""', [`2 server.host: is empty -> ${hostFix}`]],
  [
    "a URL for a host",
    '[server]\nhost = "http://127.0.0.1"',
    [`2 server.host: is a URL, where only the host belongs -> ${hostFix}`],
  ],
  [
    "a host with a port",
    '[server]\nhost = "127.0.0.1:3000"',
    [`2 server.host: has a port, which belongs into port -> ${hostFix}`],
  ],
  [
    "a host with a space",
    '[server]\nhost = "a b"',
    [`2 server.host: is neither an address nor a host name -> ${hostFix}`],
  ],
  [
    "a log level of another program",
    '[server]\nlog_level = "warning"',
    [
      '2 server.log_level: must be one of "trace", "debug", "info", "warn", "error" -> did you mean log_level = "warn"?',
    ],
  ],
  [
    "an unheard-of log level",
    '[server]\nlog_level = "loud"',
    [
      '2 server.log_level: must be one of "trace", "debug", "info", "warn", "error" -> write log_level = "info"',
    ],
  ],
  [
    "a number for a log level",
    "[server]\nlog_level = 3",
    [
      '2 server.log_level: must be one of "trace", "debug", "info", "warn", "error", and is a number -> write log_level = "info"',
    ],
  ],
  [
    "an empty database path",
    '[server]\ndatabase_path = ""',
    ['2 server.database_path: is empty -> write database_path = "data/relay.db"'],
  ],
  [
    "a home folder",
    '[server]\ndatabase_path = "~/relay.db"',
    [
      '2 server.database_path: begins with ~, which is not expanded here -> write database_path = "data/relay.db"',
    ],
  ],
  [
    "no body at all",
    "[server]\nmax_body_mb = 0",
    ["2 server.max_body_mb: must be a number above 0 and at most 1024, and is 0 -> write max_body_mb = 64"],
  ],
  [
    "a wildcard",
    '[server]\nallowed_hosts = ["*.lan"]',
    ['2 server.allowed_hosts[0]: is no host name; there are no wildcards -> write "relay.example.com"'],
  ],
  [
    "an allowed URL",
    '[server]\nallowed_hosts = ["https://a"]',
    ['2 server.allowed_hosts[0]: is a URL, where only the host belongs -> write "relay.example.com"'],
  ],
  [
    "an allowed string",
    '[server]\nallowed_hosts = "a"',
    [
      '2 server.allowed_hosts: must be a list in brackets, and is a string -> write allowed_hosts = ["relay.example.com"]',
    ],
  ],
  [
    "a drain below zero",
    "[server]\ndrain_seconds = -1",
    ["2 server.drain_seconds: must be a number from 0 to 86400, and is -1 -> write drain_seconds = 30"],
  ],
];

const limits: ProblemCase[] = [
  [
    "an endless stickiness",
    "[session]\nsticky_ttl_seconds = inf",
    [
      "2 session.sticky_ttl_seconds: must be a number from 0 to 31536000, and is Infinity -> write sticky_ttl_seconds = 3600",
    ],
  ],
  [
    "a threshold in quotes",
    '[session]\nrenewal_threshold_seconds = "5"',
    [
      "2 session.renewal_threshold_seconds: must be a number from 0 to 31536000, and is a string -> write renewal_threshold_seconds = 300",
    ],
  ],
  [
    "a cooldown below zero",
    "[session]\nunavailable_cooldown_seconds = -1",
    [
      "2 session.unavailable_cooldown_seconds: must be a number from 0 to 31536000, and is -1 -> write unavailable_cooldown_seconds = 3600",
    ],
  ],
  [
    "a percentage",
    "[session]\nswitch_at_utilization = 98",
    [
      "2 session.switch_at_utilization: must be a number above 0 and at most 1, and is 98 -> write switch_at_utilization = 0.98",
    ],
  ],
  [
    "no number",
    "[session]\nmax_wait_seconds = nan",
    [
      "2 session.max_wait_seconds: must be a number from 0 to 86400, and is NaN -> write max_wait_seconds = 5",
    ],
  ],
  [
    "a truth",
    "[session]\nhold_seconds = true",
    ["2 session.hold_seconds: must be a number from 0 to 86400, and is true -> write hold_seconds = 0"],
  ],
  [
    "no time to connect",
    "[upstream]\nconnect_timeout_seconds = 0",
    [
      "2 upstream.connect_timeout_seconds: must be a number above 0 and at most 86400, and is 0 -> write connect_timeout_seconds = 10",
    ],
  ],
  [
    "no time to answer",
    "[upstream]\nfirst_byte_timeout_seconds = 0",
    [
      "2 upstream.first_byte_timeout_seconds: must be a number above 0 and at most 86400, and is 0 -> write first_byte_timeout_seconds = 300",
    ],
  ],
  [
    "no idle time",
    "[upstream]\nidle_timeout_seconds = 0",
    [
      "2 upstream.idle_timeout_seconds: must be a number above 0 and at most 86400, and is 0 -> write idle_timeout_seconds = 300",
    ],
  ],
  [
    "no attempt",
    "[upstream]\nmax_attempts = 0",
    ["2 upstream.max_attempts: must be a whole number from 1 to 100, and is 0 -> write max_attempts = 5"],
  ],
  [
    "no retention",
    "[usage]\nretention_days = 0",
    [
      "2 usage.retention_days: must be a number above 0 and at most 36500, and is 0 -> write retention_days = 400",
    ],
  ],
];

const oauth: ProblemCase[] = [
  [
    "an empty client id",
    '[oauth.claude]\nclient_id = ""',
    ['2 oauth.claude.client_id: is empty -> write client_id = "ID"'],
  ],
  [
    "an empty client secret",
    '[oauth.claude]\nclient_secret = ""',
    ['2 oauth.claude.client_secret: is empty -> write client_secret = "SECRET"'],
  ],
  [
    "empty scopes",
    '[oauth.claude]\nscopes = " "',
    ['2 oauth.claude.scopes: is empty -> write scopes = ["SCOPE", "SCOPE"]'],
  ],
  [
    "a number for scopes",
    "[oauth.claude]\nscopes = 1",
    [
      '2 oauth.claude.scopes: must be a string or a list of strings, and is a number -> write scopes = ["SCOPE", "SCOPE"]',
    ],
  ],
  [
    "a number among scopes",
    "[oauth.claude]\nscopes = [1]",
    ['2 oauth.claude.scopes[0]: must be a scope in quotes, and is a number -> write "SCOPE"'],
  ],
  [
    "a scope with a space",
    '[oauth.claude]\nscopes = ["a b"]',
    ['2 oauth.claude.scopes[0]: holds white space or a control character -> write "SCOPE"'],
  ],
];

describeProblems("[server]", server);
describeProblems("limits", limits);
describeProblems("[oauth]", oauth);
