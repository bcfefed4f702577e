import { describeProblems, type ProblemCase } from "./support.ts";

const account = '[[accounts]]\ntype = "claude-api"\nid = "a"\napi_key = "KEY"\n';
const hostFix = 'write host = "127.0.0.1"';

const misplacedKey = (type: string) =>
  `is for accounts with an API key, and an account of type ${type} has a refresh_token`;
const misplacedToken = (type: string) => `belongs to a login, and an account of type ${type} has an api_key`;
const ofType = (type: string, rest = "") => `[[accounts]]\ntype = "${type}"\nid = "a"\n${rest}\n`;
const missingKey =
  'is missing -> write api_key = "KEY", or api_key_env = "NAME" to take it from the environment';

const credentials: ProblemCase[] = [
  ["no key for Claude", ofType("claude-api"), [`1 accounts[0].api_key: ${missingKey}`]],
  ["no key for Gemini", ofType("gemini-api"), [`1 accounts[0].api_key: ${missingKey}`]],
  ["no key for OpenAI", ofType("openai-responses"), [`1 accounts[0].api_key: ${missingKey}`]],
  [
    "no token for Claude",
    ofType("claude-oauth"),
    ["1 accounts[0].refresh_token: is missing -> run: cc-relay login claude"],
  ],
  [
    "no token for Gemini",
    ofType("gemini"),
    ["1 accounts[0].refresh_token: is missing -> run: cc-relay login gemini"],
  ],
  [
    "a key for a Claude login",
    ofType("claude-oauth", 'api_key = "KEY"'),
    [
      `4 accounts[0].api_key: ${misplacedKey("claude-oauth")} -> write type = "claude-api", or for the token run: cc-relay login claude`,
    ],
  ],
  [
    "a variable for a Gemini login",
    ofType("gemini", 'api_key_env = "UNSET"'),
    [
      `4 accounts[0].api_key_env: ${misplacedKey("gemini")} -> write type = "gemini-api", or for the token run: cc-relay login gemini`,
    ],
  ],
  [
    "a token for a Claude key",
    ofType("claude-api", 'refresh_token = "T"'),
    [
      `4 accounts[0].refresh_token: ${misplacedToken("claude-api")} -> write api_key = "KEY" instead, or type = "claude-oauth"`,
    ],
  ],
  [
    "a token for OpenAI",
    ofType("openai-responses", 'refresh_token = "T"'),
    [`4 accounts[0].refresh_token: ${misplacedToken("openai-responses")} -> write api_key = "KEY" instead`],
  ],
  [
    "an empty key",
    ofType("claude-api", 'api_key = ""'),
    ['4 accounts[0].api_key: is empty -> write api_key = "KEY"'],
  ],
  [
    "a key with a line break",
    ofType("claude-api", 'api_key = "KEY\\n"'),
    ['4 accounts[0].api_key: has white space around it -> write api_key = "KEY"'],
  ],
  [
    "a key with a placeholder's dots",
    ofType("claude-api", 'api_key = "sk-ant-…"'),
    ['4 accounts[0].api_key: holds a character that no such credential has -> write api_key = "KEY"'],
  ],
  [
    "a number for a key",
    ofType("claude-api", "api_key = 12345678"),
    ['4 accounts[0].api_key: must be a key in quotes, and is a number -> write api_key = "KEY"'],
  ],
  [
    "an empty token",
    ofType("claude-oauth", 'refresh_token = ""'),
    ['4 accounts[0].refresh_token: is empty -> write refresh_token = "TOKEN"'],
  ],
  [
    "an unset variable",
    ofType("claude-api", 'api_key_env = "UNSET"'),
    [
      "4 accounts[0].api_key_env: names the variable UNSET, which is not set in the environment -> set it where cc-relay is started; a key itself belongs into api_key",
    ],
  ],
  [
    "an empty variable",
    ofType("claude-api", 'api_key_env = "EMPTY"'),
    [
      "4 accounts[0].api_key_env: names the variable EMPTY, which is not set in the environment -> set it where cc-relay is started; a key itself belongs into api_key",
    ],
  ],
  [
    "a variable with two words",
    ofType("claude-api", 'api_key_env = "WORDS"'),
    [
      "4 accounts[0].api_key_env: names the variable WORDS, whose value holds a character that no such credential has -> set it to the key alone",
    ],
  ],
  [
    "a variable that may be a key",
    ofType("claude-api", 'api_key_env = "AIzaSecretSecret"'),
    [
      "4 accounts[0].api_key_env: names a variable, which is not set in the environment -> set it where cc-relay is started; a key itself belongs into api_key",
    ],
  ],
  [
    "a key for a variable",
    ofType("claude-api", 'api_key_env = "sk-ant-secret"'),
    [
      '4 accounts[0].api_key_env: is no name of an environment variable -> write api_key_env = "ANTHROPIC_API_KEY"; a key itself belongs into api_key',
    ],
  ],
  [
    "both",
    ofType("claude-api", 'api_key = "KEY"\napi_key_env = "SET"'),
    [
      "5 accounts[0].api_key_env: is there together with api_key, and an account has one key -> remove one of the two",
    ],
  ],
];

const withProxy = (lines: string): string => `${account}[accounts.proxy]\n${lines}`;
const proxyTypes = '"socks5", "socks5h", "http", "https", "none"';

const proxies: ProblemCase[] = [
  [
    "a URL",
    `${account}proxy = "socks5://h:1"`,
    ["5 accounts[0].proxy: must be a table, and is a string -> write [accounts.proxy]"],
  ],
  ["nothing", withProxy(""), ['5 accounts[0].proxy.type: is missing -> write type = "socks5"']],
  [
    "a mistyped type",
    withProxy('type = "sock5"\nhost = "h"'),
    [`6 accounts[0].proxy.type: must be one of ${proxyTypes} -> did you mean type = "socks5"?`],
  ],
  [
    "an old type",
    withProxy('type = "ftp"\nhost = "h"'),
    [`6 accounts[0].proxy.type: must be one of ${proxyTypes} -> write type = "socks5"`],
  ],
  ["no host", withProxy('type = "socks5"'), [`5 accounts[0].proxy.host: is missing -> ${hostFix}`]],
  [
    "an empty host",
    withProxy('type = "socks5"\nhost = ""'),
    [`7 accounts[0].proxy.host: is empty -> ${hostFix}`],
  ],
  [
    "a URL for a host",
    withProxy('type = "socks5"\nhost = "socks5://h"'),
    [`7 accounts[0].proxy.host: is a URL, where only the host belongs -> ${hostFix}`],
  ],
  [
    "credentials in the host",
    withProxy('type = "socks5"\nhost = "u:p@h"'),
    [`7 accounts[0].proxy.host: is a URL, where only the host belongs -> ${hostFix}`],
  ],
  [
    "a port in the host",
    withProxy('type = "socks5"\nhost = "h:1080"'),
    [`7 accounts[0].proxy.host: has a port, which belongs into port -> ${hostFix}`],
  ],
  [
    "no port for http",
    withProxy('type = "http"\nhost = "h"'),
    ["5 accounts[0].proxy.port: is missing -> write port = 3128"],
  ],
  [
    "no port for https",
    withProxy('type = "https"\nhost = "h"'),
    ["5 accounts[0].proxy.port: is missing -> write port = 3128"],
  ],
  [
    "port zero",
    withProxy('type = "socks5"\nhost = "h"\nport = 0'),
    ["8 accounts[0].proxy.port: must be a whole number from 1 to 65535, and is 0 -> write port = 1080"],
  ],
  [
    "a port too high",
    withProxy('type = "socks5"\nhost = "h"\nport = 65536'),
    ["8 accounts[0].proxy.port: must be a whole number from 0 to 65535, and is 65536 -> write port = 1080"],
  ],
  [
    "a number for a password",
    withProxy('type = "socks5"\nhost = "h"\npassword = 1234'),
    [
      '8 accounts[0].proxy.password: must be a password in quotes, and is a number -> write password = "PASSWORD"',
    ],
  ],
];

describeProblems("credentials", credentials);
describeProblems("proxies", proxies);
