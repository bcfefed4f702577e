import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { canShowBrowser } from "../../src/cli/browser.ts";
import { describeLinks } from "../../src/cli/login/oauth.ts";
import { kindHelp, readOptions } from "../../src/cli/login/options.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { cancelled, createLoginPlace, type LoginPlace, terminal } from "./login-support.ts";

let place: LoginPlace;
beforeEach(async () => {
  place = await createLoginPlace("");
});
afterEach(() => place.close());

const keyAsArgument = `✗ login takes one argument, the provider; a key is asked for and never given here
  - take a key out of the shell's history, and run: cc-relay login PROVIDER --api-key
`;

it("the help of --setup-token and --small-model says what the kinds of account say", () => {
  const acme = {
    setupToken: { command: "acme token", validity: "a week" },
    smallModels: { pattern: "*mini*", title: "Acme's small ones" },
  };
  assert.deepEqual(kindHelp([...Object.values(accountKinds), acme]), {
    setupToken:
      "asked for as a key is: a token of `claude setup-token`, good for a year, or of `acme token`, good for a week",
    smallModel: "its model that serves Claude's small ones (Haiku), or Acme's small ones instead",
  });
});

it("every kind that takes a setup token says where it comes from, and no other one does", () => {
  for (const { type, credentials, setupToken } of Object.values(accountKinds))
    assert.equal(setupToken !== undefined, credentials.includes("setup_token"), type);
});

describe("a wrong command line", () => {
  const cases: [string, string][] = [
    ["claude --api-key my-secret-key", keyAsArgument],
    ["claude my-secret-key --api-key", keyAsArgument],
    ["claude --api-key=my-secret-key", keyAsArgument],
    [
      "cluade",
      "✗ 'cluade' is not one of claude, gemini, openai\n  - to see how it is used, run: cc-relay login --help\n",
    ],
    [
      "sk-ant-api03-my-secret-key",
      "✗ 'sk-ant-***' is not one of claude, gemini, openai\n  - to see how it is used, run: cc-relay login --help\n",
    ],
    [
      "claude --id my/secret/key",
      "✗ --id may hold letters, digits, dots, dashes and underscores only\n  - give a short word, such as: --id work\n",
    ],
    [
      "claude --id passthrough",
      "✗ --id is a name that the usage figures need for themselves\n  - give a short word, such as: --id work\n",
    ],
    ["claude --name \u001b", '✗ --name holds a control character\n  - give a name, such as: --name "Work"\n'],
    [
      "claude --priority high",
      "✗ --priority is no whole number\n  - give one such as: --priority 200 (100 is usual, higher is tried first)\n",
    ],
    [
      "claude --priority 1.5",
      "✗ --priority is no whole number\n  - give one such as: --priority 200 (100 is usual, higher is tried first)\n",
    ],
    ...["none", "my-secret-key", "ftp://me:my-secret-key@host:1", "socks5://", "http://host:0", "://"].map(
      (proxy): [string, string] => [
        `claude --api-key --proxy ${proxy}`,
        "✗ --proxy is no address of a proxy\n" +
          "  - write it like this: socks5://USER:PASSWORD@HOST:1080, or http://HOST:3128\n",
      ],
    ),
    [
      "gemini --project 123456",
      "✗ --project is a project's number, and its id is wanted\n" +
        "  - give the id of a Google Cloud project, such as: my-project-1\n",
    ],
    ["claude --project p", "✗ --project is for logging in to Gemini with Google\n  - leave it out\n"],
    [
      "gemini --api-key --project p",
      "✗ --project is for logging in to Gemini with Google\n  - leave it out\n",
    ],
  ];
  for (const [line, expected] of cases) {
    it(`is reported without repeating what may be a secret: ${JSON.stringify(line)}`, async () => {
      const { stdout, stderr, code } = await place.login(line, { answers: [] });
      assert.deepEqual([stdout, stderr, code], ["", expected, 2]);
      assert.doesNotMatch(stderr, /secret/);
      assert.equal(place.text(), "");
    });
  }

  it("would show the key while it is typed: standard output is no terminal", async () => {
    const { stderr, code } = await place.login("claude --api-key", { isTyped: true, stdin: ["sk-ant-1"] });
    assert.deepEqual(
      [stderr, code],
      [
        "✗ the key cannot be asked for here: what is typed would be seen\n" +
          '  - leave standard output on the terminal, or pipe the key in: printf %s "$KEY" | cc-relay login claude --api-key\n',
        2,
      ],
    );
  });
});

it("names the file of this call in every command that it suggests", async () => {
  const call = { configFile: place.configFile, ...terminal };
  const results = [
    await place.login("claude --api-key", { ...call, isTyped: true }),
    await place.login("claude --api-key", call),
    await place.login("claude", call),
    await place.login("claude --setup-token", call),
    await place.login("claude --compatible", call),
    await place.login("claude --setup-token", { ...call, answers: [false] }),
    await place.login("claude --api-key", { ...call, answers: ["sk-ant-ort01-abc", cancelled] }),
  ];
  for (const { stderr, questions } of results) {
    const text = [stderr, ...questions].join("\n");
    assert.match(text, /cc-relay --config \S+config\.toml login claude/);
    assert.doesNotMatch(text, /cc-relay login/);
  }
});

describe("a proxy", () => {
  const cases: [string, object][] = [
    ["10.0.0.1:3128", { type: "http", host: "10.0.0.1", port: 3128 }],
    ["https://me@proxy.example", { type: "https", host: "proxy.example", port: 443, username: "me" }],
    ["socks5://[::1]", { type: "socks5", host: "::1", port: 1080 }],
  ];
  for (const [proxy, expected] of cases) {
    it(`is read as people write it: ${proxy}`, () => {
      assert.deepEqual(readOptions("claude", { browser: true, proxy }).proxy, expected);
    });
  }
});

describe("the addresses", () => {
  const page = "https://a/?redirect_uri=https%3A%2F%2Fpage%2Fcode&state=s";
  const local = "https://a/?redirect_uri=http%3A%2F%2Flocalhost%3A1%2Fback&state=s";
  const shown = "paste the code that it shows";
  const ended = "paste the address that it ends at, though nothing is there";
  const cases: [string, Parameters<typeof describeLinks>, string][] = [
    [
      "a browser that opens, and a terminal",
      [
        { automatic: local, manual: page },
        { opens: true, pastes: true },
      ],
      `
Your browser opens now. If it does not, open this address on this machine:

  ${local}

From a browser on another machine, open this one and ${shown}:

  ${page}

`,
    ],
    [
      "a terminal without a browser",
      [
        { automatic: local, manual: page },
        { opens: false, pastes: true },
      ],
      `
Open this address in any browser, and ${shown}:

  ${page}

From a browser on this machine, this one needs no pasting:

  ${local}

`,
    ],
    [
      "--no-browser, or a port that is taken",
      [
        { automatic: undefined, manual: page },
        { opens: true, pastes: true },
      ],
      `
Open this address in any browser, and ${shown}:

  ${page}

`,
    ],
    [
      "a port that is taken, and a client without a page",
      [
        { automatic: undefined, manual: local },
        { opens: true, pastes: true },
      ],
      `
Open this address in any browser, and ${ended}:

  ${local}

`,
    ],
    [
      "a client without a page of its own",
      [
        { automatic: local, manual: local },
        { opens: true, pastes: true },
      ],
      `
Your browser opens now. If it does not, open this address on this machine:

  ${local}

From a browser on another machine, ${ended}.

`,
    ],
    [
      "a pipe",
      [
        { automatic: local, manual: page },
        { opens: false, pastes: false },
      ],
      `
Open this address in a browser on this machine:

  ${local}

`,
    ],
  ];
  for (const [title, parameters, expected] of cases) {
    it(`for ${title}`, () => assert.equal(describeLinks(...parameters), expected));
  }
});

describe("a browser", () => {
  const cases: [NodeJS.Platform, Record<string, string>, boolean][] = [
    ["darwin", {}, true],
    ["win32", {}, true],
    ["linux", {}, false],
    ["linux", { DISPLAY: ":0" }, true],
    ["linux", { WAYLAND_DISPLAY: "wayland-0" }, true],
    ["linux", { BROWSER: "w3m" }, true],
    ["linux", { WSL_DISTRO_NAME: "Debian" }, true],
    ["linux", { DISPLAY: ":10", SSH_CONNECTION: "10.0.0.2 1 10.0.0.1 22" }, false],
    ["darwin", { SSH_TTY: "/dev/ttys001" }, false],
  ];
  for (const [platform, env, expected] of cases) {
    it(`is ${expected ? "" : "not "}seen on ${platform} with ${JSON.stringify(env)}`, () => {
      assert.equal(canShowBrowser(env, platform), expected);
    });
  }
});
