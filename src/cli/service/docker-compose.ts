// A compose file that runs this version in a container on this machine's configuration and data.

import { dirname } from "node:path";
import { type ServiceSite, stopSeconds } from "./site.ts";

/**
 * Both paths are the same inside and outside, so that whatever the configuration names is found. Without client keys
 * only loopback can be bound, and a container's own loopback cannot be reached: it shares the machine's then.
 */
export function composeFile(site: ServiceSite): string {
  const command = [
    ...(site.configFile === undefined ? [] : ["--config", site.configFile]),
    "serve",
    ...(site.hasKeys ? ["--host", "0.0.0.0"] : []),
  ];
  const network = site.hasKeys
    ? `    ports:
      - ${quote(`127.0.0.1:${site.port}:${site.port}`)}`
    : "    network_mode: host";
  const health = `fetch('http://127.0.0.1:${site.port}/health').then(a=>process.exit(a.ok?0:1),()=>process.exit(1))`;
  return `# To use it, save it as docker-compose.yml and run: docker compose up --detach
services:
  cc-relay:
    build:
      dockerfile_inline: |
        FROM node:24-slim
        RUN npm install --global cc-relay@${site.version}
        ENTRYPOINT ["cc-relay"]
    command: [${command.map(quote).join(", ")}]
${site.user === undefined ? "" : `    user: ${quote(`${site.user.uid}:${site.user.gid}`)}\n`}${site.configFile === undefined ? withoutFile(site) : ""}${network}
    volumes:
${configFolder(site)}${bind(site.dataFolder, { readOnly: false })}    tmpfs:
      - /tmp
    read_only: true
    init: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    pids_limit: 256
    restart: unless-stopped
    stop_grace_period: ${stopSeconds(site)}s
    healthcheck:
      test: ["CMD", "node", "-e", ${quote(health)}]
      interval: 30s
      timeout: 5s
      start_period: 10s
`;
}

/** Without a file the database is in the platform's data folder, which the container looks for where this says. */
function withoutFile({ dataFolder }: ServiceSite): string {
  return `    environment:
      XDG_DATA_HOME: ${quote(dirname(dataFolder))}
`;
}

/** The folder: of a file that is mounted by itself, a new one in its place is never seen. */
function configFolder({ configFile, dataFolder }: ServiceSite): string {
  if (configFile === undefined || dirname(configFile) === dataFolder) return "";
  return bind(dirname(configFile), { readOnly: true });
}

function bind(path: string, { readOnly }: { readOnly: boolean }): string {
  return `      - type: bind
        source: ${quote(path)}
        target: ${quote(path)}
${readOnly ? "        read_only: true\n" : ""}`;
}

/** A JSON string is a YAML one; compose replaces variables inside it. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll("$", "$$$$");
}
