# cc-relay in a container. It listens on every address of the container, so config.toml must have api_keys:
#   docker build --tag cc-relay .
#   docker run --publish 127.0.0.1:3000:3000 --volume ./config:/config:ro --volume cc-relay-data:/data cc-relay
# ./config is a folder with config.toml in it: of a file that is mounted by itself, a new one in its place is never seen.

FROM node:24-slim AS build
WORKDIR /build
COPY . .
RUN npm ci && npm prune --omit=dev

FROM node:24-slim
ENV NODE_ENV=production
# glibc reads these at a process's start only: with them it gives the memory of large bodies back to the system.
ENV MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=131072
COPY --from=build /build/package.json /opt/cc-relay/package.json
COPY --from=build /build/bin /opt/cc-relay/bin
COPY --from=build /build/dist /opt/cc-relay/dist
COPY --from=build /build/completions /opt/cc-relay/completions
COPY --from=build /build/node_modules /opt/cc-relay/node_modules
RUN ln -s /opt/cc-relay/bin/cc-relay.js /usr/local/bin/cc-relay \
  && mkdir /config /data && chown node:node /config /data && ln -s /config/config.toml /config.toml
USER node
# The configuration is found as /config.toml, so its default database, data/relay.db, is on the volume.
WORKDIR /
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["node", "/opt/cc-relay/dist/cli/service/health-check.js"]
ENTRYPOINT ["cc-relay"]
CMD ["serve", "--host", "0.0.0.0"]
