import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { composeFile } from "../../src/cli/service/docker-compose.ts";
import { launchdPlist } from "../../src/cli/service/launchd.ts";
import { systemdUnit } from "../../src/cli/service/systemd.ts";
import { runServicePrint } from "../../src/cli/service.ts";
import { odd, site } from "./service-sites.ts";
import { fakeConfig, fakeContext } from "./support.ts";

describe("the systemd unit", () => {
  it("runs serve with this machine's paths and little else to write to", () => {
    assert.equal(
      systemdUnit(site),
      `# To use it, save it as ~/.config/systemd/user/cc-relay.service and run:
#   systemctl --user daemon-reload && systemctl --user enable --now cc-relay
# To have it run while nobody is logged in: loginctl enable-linger

[Unit]
Description=cc-relay, one local endpoint for Claude Code, Gemini CLI and Codex
Wants=network-online.target
After=network-online.target
# What cannot start is not started for ever.
StartLimitIntervalSec=120
StartLimitBurst=5

[Service]
Type=exec
ExecStart=/usr/bin/node /opt/cc-relay/bin/cc-relay.js --config /home/ann/.config/cc-relay/config.toml serve
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
# 1: the configuration, the database or the port does not let it start; 2: the command line is wrong.
RestartPreventExitStatus=1 2
KillMode=mixed
TimeoutStopSec=40
LimitNOFILE=65536
# With these the C library gives the memory of large requests back to the system.
Environment=MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=131072
# Variables that api_key_env names can be set here, one NAME=value a line; mode 0600.
EnvironmentFile=-/home/ann/.config/cc-relay/environment

UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=-/home/ann/.local/share/cc-relay
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
CapabilityBoundingSet=
AmbientCapabilities=
LockPersonality=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
`,
    );
  });

  it("quotes odd paths where systemd splits, expands and substitutes", () => {
    const unit = systemdUnit(odd);
    const line = (name: string) => unit.split("\n").find((each) => each.startsWith(`${name}=`));
    assert.equal(
      line("ExecStart"),
      String.raw`ExecStart=/usr/bin/node "/opt/my tools/cc-relay.js" --config "/home/ann/it's \"q\" 100%% $$HOME & <x>\\y/config.toml" serve`,
    );
    assert.equal(
      line("ReadWritePaths"),
      String.raw`ReadWritePaths="-/home/ann/it's \"q\" 100%% $HOME & <x>\\y/data"`,
    );
  });

  it("is the system's for root, and has no --config without a file", () => {
    const unit = systemdUnit({ ...site, configFile: undefined, user: { uid: 0, gid: 0 } });
    assert.match(unit, /^# To use it, save it as \/etc\/systemd\/system\/cc-relay\.service/);
    assert.doesNotMatch(unit, /--user|linger/);
    assert.match(unit, /^ExecStart=\/usr\/bin\/node \/opt\/cc-relay\/bin\/cc-relay\.js serve$/m);
  });

  it("refuses a path with a line break, which would be a directive of its own", () => {
    assert.throws(() => systemdUnit({ ...site, dataFolder: "/x\nExecStartPre=/bin/evil" }), {
      name: "UserError",
      message: 'the path "-/x\\nExecStartPre=/bin/evil" holds a control character, which no unit can name',
      fix: { instruction: "rename that folder or file, and run the same command again" },
    });
    assert.throws(() => launchdPlist({ ...site, configFile: "/x\u0007" }), {
      name: "UserError",
      message: 'the path "/x\\u0007" holds a control character, which no unit can name',
    });
  });
});

describe("the launchd property list", () => {
  it("runs serve with this machine's paths", () => {
    const plist = launchdPlist({ ...site, homeFolder: "/Users/ann" });
    assert.deepEqual(
      [...plist.matchAll(/<(?:key|string|integer)>(.*)<\/(?:key|string|integer)>|<(true|false)\/>/g)].map(
        ([, text, flag]) => text ?? flag,
      ),
      [
        ...["Label", "local.cc-relay"],
        ...["ProgramArguments", "/usr/bin/node", "/opt/cc-relay/bin/cc-relay.js"],
        ...["--config", "/home/ann/.config/cc-relay/config.toml", "serve"],
        ...["WorkingDirectory", "/Users/ann"],
        ...["RunAtLoad", "true"],
        ...["KeepAlive", "SuccessfulExit", "false"],
        ...["ThrottleInterval", "10"],
        ...["ExitTimeOut", "40"],
        ...["ProcessType", "Interactive"],
        ...["Umask", "63"],
        ...["SoftResourceLimits", "NumberOfFiles", "65536"],
        ...["StandardOutPath", "/Users/ann/Library/Logs/cc-relay.log"],
        ...["StandardErrorPath", "/Users/ann/Library/Logs/cc-relay.log"],
      ],
    );
    const open = plist.match(/<[a-z]+>/g)?.length;
    assert.equal(
      plist.match(/<\/[a-z]+>/g)?.length,
      (open ?? 0) + 1,
      "every element is closed, plist itself has attributes",
    );
  });

  it("escapes what XML reads as markup and refuses what it cannot carry", () => {
    assert.match(
      launchdPlist(odd),
      /<string>\/home\/ann\/it's "q" 100% \$HOME &amp; &lt;x&gt;\\y\/config\.toml<\/string>/,
    );
    assert.throws(() => launchdPlist({ ...site, entry: "/x\u0001" }), { name: "UserError" });
  });
});

describe("the compose file", () => {
  it("shares the machine's loopback where no key is needed", () => {
    assert.equal(
      composeFile(site),
      `# To use it, save it as docker-compose.yml and run: docker compose up --detach
services:
  cc-relay:
    build:
      dockerfile_inline: |
        FROM node:24-slim
        RUN npm install --global cc-relay@1.2.3
        ENTRYPOINT ["cc-relay"]
    command: ["--config", "/home/ann/.config/cc-relay/config.toml", "serve"]
    user: "1000:1000"
    network_mode: host
    volumes:
      - type: bind
        source: "/home/ann/.config/cc-relay"
        target: "/home/ann/.config/cc-relay"
        read_only: true
      - type: bind
        source: "/home/ann/.local/share/cc-relay"
        target: "/home/ann/.local/share/cc-relay"
    tmpfs:
      - /tmp
    read_only: true
    init: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    pids_limit: 256
    restart: unless-stopped
    stop_grace_period: 40s
    healthcheck:
      test: ["CMD", "node", "-e", "fetch('http://127.0.0.1:3000/health').then(a=>process.exit(a.ok?0:1),()=>process.exit(1))"]
      interval: 30s
      timeout: 5s
      start_period: 10s
`,
    );
  });

  it("publishes the port on loopback where clients need a key", () => {
    const text = composeFile({ ...site, hasKeys: true, port: 4000 });
    assert.match(text, /"serve", "--host", "0\.0\.0\.0"\]/);
    assert.match(text, / {4}ports:\n {6}- "127\.0\.0\.1:4000:4000"\n/);
    assert.doesNotMatch(text, /network_mode/);
  });

  it("finds the data without a configuration file, and runs as the image's own user where there are no user numbers", () => {
    const text = composeFile({ ...site, configFile: undefined, user: undefined });
    assert.match(
      text,
      /command: \["serve"\]\n {4}environment:\n {6}XDG_DATA_HOME: "\/home\/ann\/\.local\/share"\n/,
    );
    assert.doesNotMatch(text, /read_only: true\n.*source|user:/);
  });

  it("lets compose replace nothing in a path", () => {
    assert.match(composeFile(odd), /source: "\/home\/ann\/it's \\"q\\" 100% \$\$HOME & <x>\\\\y\/data"/);
  });
});

describe("service print", () => {
  it("prints the file on standard output and what is missing on standard error", async () => {
    const config = fakeConfig({ file: "/etc/cc-relay.toml", keys: [{ name: "a", key: "relay-key" }] });
    const context = fakeContext({ config });
    await runServicePrint(context, "docker-compose");
    assert.match(context.out.stdout.text(), /source: "\/etc"\n/);
    assert.match(context.out.stdout.text(), /npm install --global cc-relay@1\.2\.3/);
    assert.doesNotMatch(context.out.stdout.text(), /relay-key/);
    assert.equal(
      context.out.stderr.text(),
      "! the data folder /nowhere does not exist\n  - to create it, run: mkdir -p '/nowhere'\n",
    );
  });
});
