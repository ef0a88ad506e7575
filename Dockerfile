# The image of every role. Two targets:
#   docker build -t modelroute:0.1.0 .                          the roles; needs DATABASE_URL
#   docker build -t modelroute-all-in-one --target all-in-one . brings its own PostgreSQL
# A base image has no digest here: pin one where you build, with --build-arg NODE_IMAGE=node@sha256:…
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN node scripts/build.mjs && npm prune --omit=dev --no-audit --no-fund

# Without the embedded PostgreSQL, which is an optional dependency: 68 MB of modules, not 128.
FROM build AS lean
RUN npm prune --omit=dev --omit=optional --no-audit --no-fund

FROM ${NODE_IMAGE} AS base
ENV NODE_ENV=production \
    PORT=8080 \
    MODELROUTE_DATA_DIR=/data
RUN install -d -o node -g node -m 0700 /data
WORKDIR /app
COPY --from=build /src/package.json ./
COPY --from=build /src/bin ./bin
COPY --from=build /src/dist ./dist
USER 1000:1000
EXPOSE 8080
STOPSIGNAL SIGTERM
# /healthz and not /readyz: a store that is away is no reason to restart the process.
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --start-interval=1s --retries=3 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Exec form: node is process 1, handles SIGTERM itself and starts nothing that it would have to reap.
ENTRYPOINT ["node", "--max-semi-space-size=64", "--min-semi-space-size=16", "--no-memory-reducer", "--expose-gc", "dist/cli/main.js"]
CMD ["serve"]

FROM base AS all-in-one
COPY --from=build /src/node_modules ./node_modules
VOLUME /data

FROM base AS roles
COPY --from=lean /src/node_modules ./node_modules
