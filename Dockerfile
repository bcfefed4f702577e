# cc-relay in a container. It listens on every address of the container, so config.toml must have api_keys:
#   docker build --tag cc-relay .
#   docker run --publish 127.0.0.1:3000:3000 --volume ./config.toml:/config.toml:ro --volume cc-relay-data:/data cc-relay

FROM node:24-slim AS build
WORKDIR /build
COPY . .
RUN npm ci && npm prune --omit=dev

FROM node:24-slim
ENV NODE_ENV=production
COPY --from=build /build/package.json /opt/cc-relay/package.json
COPY --from=build /build/bin /opt/cc-relay/bin
COPY --from=build /build/dist /opt/cc-relay/dist
COPY --from=build /build/completions /opt/cc-relay/completions
COPY --from=build /build/node_modules /opt/cc-relay/node_modules
RUN ln -s /opt/cc-relay/bin/cc-relay.js /usr/local/bin/cc-relay && mkdir /data && chown node:node /data
USER node
# The configuration is /config.toml, so its default database, data/relay.db, is on the volume.
WORKDIR /
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:3000/health').then(a=>process.exit(a.ok?0:1),()=>process.exit(1))"]
ENTRYPOINT ["cc-relay"]
CMD ["serve", "--host", "0.0.0.0"]
