// Two machines that a service is printed for.

import type { ServiceSite } from "../../src/cli/service/site.ts";

export const site: ServiceSite = {
  node: "/usr/bin/node",
  entry: "/opt/cc-relay/bin/cc-relay.js",
  configFile: "/home/ann/.config/cc-relay/config.toml",
  dataFolder: "/home/ann/.local/share/cc-relay",
  homeFolder: "/home/ann",
  port: 3000,
  hasKeys: false,
  drainSeconds: 30,
  version: "1.2.3",
  user: { uid: 1000, gid: 1000 },
};

/** Paths that a shell, XML, YAML or a unit file would read as something else. */
export const odd: ServiceSite = {
  ...site,
  entry: "/opt/my tools/cc-relay.js",
  configFile: '/home/ann/it\'s "q" 100% $HOME & <x>\\y/config.toml',
  dataFolder: '/home/ann/it\'s "q" 100% $HOME & <x>\\y/data',
};
