// What can be wrong with accounts that are no plain key or login: the client's own, setup tokens, other hosts.

import { describeProblems, type ProblemCase } from "./support.ts";

const account = (type: string, rest: string) => `[[accounts]]\ntype = "${type}"\nid = "a"\n${rest}\n`;
const own = "goes to its provider alone";

const cases: ProblemCase[] = [
  [
    "a client account without a family",
    account("client", ""),
    ['1 accounts[0].family: is missing -> write family = "claude" or family = "gemini" or family = "openai"'],
  ],
  [
    "a client account with a key",
    account("client", 'family = "claude"\napi_key = "KEY"'),
    [
      "5 accounts[0].api_key: is of no use to an account of type client: what the client sends is forwarded -> remove it, or give the account another type",
    ],
  ],
  [
    "a client account with an address",
    account("client", 'family = "claude"\napi_url = "https://a.example"'),
    [
      `5 accounts[0].api_url: is not for the client's own credential, which ${own} -> remove it; [upstream] can name other addresses of the providers`,
    ],
  ],
  [
    "a family that the type has already",
    account("claude-api", 'api_key = "KEY"\nfamily = "openai"'),
    [
      "5 accounts[0].family: is for accounts of type client, and one of type claude-api is always for claude -> remove it",
    ],
  ],
  [
    "a setup token beside a refresh token",
    account("claude-oauth", 'refresh_token = "R"\nsetup_token = "S"'),
    [
      "5 accounts[0].setup_token: is there together with refresh_token, and an account has one credential -> remove one of the two",
    ],
  ],
  [
    "a setup token of another kind of login",
    account("gemini", 'setup_token = "S"'),
    ["4 accounts[0].setup_token: is for accounts of type claude-oauth, and this one is gemini -> remove it"],
  ],
  [
    "a setup token of an account with a key",
    account("claude-api", 'setup_token = "S"'),
    [
      '4 accounts[0].setup_token: belongs to a login, and an account of type claude-api has an api_key -> write api_key = "KEY" instead, or type = "claude-oauth"',
    ],
  ],
  [
    "the end of a setup token that is not there",
    account("claude-oauth", 'refresh_token = "R"\nsetup_token_expires = 2027-01-31'),
    ["5 accounts[0].setup_token_expires: is about a setup_token, and the account has none -> remove it"],
  ],
  [
    "no date",
    account("claude-oauth", 'setup_token = "S"\nsetup_token_expires = "next year"'),
    ["5 accounts[0].setup_token_expires: is no date -> write setup_token_expires = 2027-01-31"],
  ],
  [
    "an unknown way to send a key",
    account("claude-api", 'api_key = "KEY"\nauth = "basic"'),
    ['5 accounts[0].auth: must be one of "x-api-key", "bearer", "none" -> write auth = "bearer"'],
  ],
  [
    "a key that is missing though the host wants one",
    account("claude-api", 'auth = "bearer"'),
    [
      '1 accounts[0].api_key: is missing -> write api_key = "KEY", or api_key_env = "NAME" to take it from the environment',
    ],
  ],
  [
    "settings for other hosts on a login",
    account("claude-oauth", 'refresh_token = "R"\nmodel_map = { "*" = "glm" }\nonly_when_out = true'),
    ["model_map", "only_when_out"].map(
      (key, at) =>
        `${5 + at} accounts[0].${key}: is for accounts of type claude-api and openai-responses, and this one is claude-oauth -> remove it`,
    ),
  ],
  [
    "thinking blocks of another API",
    account("openai-responses", 'api_key = "KEY"\nheal_signatures = true'),
    [
      "5 accounts[0].heal_signatures: is about the thinking blocks of Claude, and this account is for another API -> remove it",
    ],
  ],
  [
    "a map to a pattern",
    account("claude-api", 'api_key = "KEY"\nmodel_map = { "*opus*" = "glm-*" }'),
    [
      '5 accounts[0].model_map."*opus*": is a pattern, where the one name belongs that is sent -> write "MODEL"',
    ],
  ],
  [
    "a map from an empty name",
    account("claude-api", 'api_key = "KEY"\nmodel_map = { "" = "glm" }'),
    ['5 accounts[0].model_map."": is empty -> write a pattern of model ids, such as "*opus*"'],
  ],
  [
    "a window without room",
    account("claude-api", 'api_key = "KEY"\ncontext_window = 0'),
    [
      "5 accounts[0].context_window: must be a whole number from 1 to 1000000000, and is 0 -> write context_window = 200000",
    ],
  ],
];

describeProblems("accounts of further kinds", cases);
