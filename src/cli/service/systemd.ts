// A systemd unit, for a person's own service manager or, for root, the system's.

import { refuseControls, type ServiceSite, serveArguments, stopSeconds } from "./site.ts";

export function systemdUnit(site: ServiceSite): string {
  const isRoot = site.user?.uid === 0;
  const file = isRoot ? "/etc/systemd/system/cc-relay.service" : "~/.config/systemd/user/cc-relay.service";
  const control = isRoot ? "systemctl" : "systemctl --user";
  // The program itself is no place for variables, so nothing is doubled in its path.
  const command = [quoteWord(site.node), ...serveArguments(site).map(quoteArgument)].join(" ");
  return `# To use it, save it as ${file} and run:
#   ${control} daemon-reload && ${control} enable --now cc-relay
${isRoot ? "" : "# To have it run while nobody is logged in: loginctl enable-linger\n"}
[Unit]
Description=cc-relay, one local endpoint for Claude Code, Gemini CLI and Codex
Wants=network-online.target
After=network-online.target
# What cannot start is not started for ever.
StartLimitIntervalSec=120
StartLimitBurst=5

[Service]
Type=exec
ExecStart=${command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
# 1: the configuration, the database or the port does not let it start; 2: the command line is wrong.
RestartPreventExitStatus=1 2
KillMode=mixed
TimeoutStopSec=${stopSeconds(site)}
LimitNOFILE=65536
# With these the C library gives the memory of large requests back to the system.
Environment=MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=131072
# Variables that api_key_env names can be set here, one NAME=value a line; mode 0600.
EnvironmentFile=-${quotePath(`${site.homeFolder}/.config/cc-relay/environment`)}

UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=${quoteWord(`-${site.dataFolder}`)}
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
`;
}

/** systemd.service(5), "Command lines": quoted words, where a dollar sign and a percent sign are doubled. */
function quoteArgument(text: string): string {
  return quoteWord(text).replaceAll("$", "$$$$");
}

/** systemd.exec(5): a file name that is not split into words, in which only the percent sign means something. */
function quotePath(path: string): string {
  refuseControls(path);
  return path.replaceAll("%", "%%");
}

function quoteWord(text: string): string {
  refuseControls(text);
  const escaped = text.replace(/[\\"]/g, "\\$&").replaceAll("%", "%%");
  return /^[\w@%+=:,./-]+$/.test(text) ? escaped : `"${escaped}"`;
}
