# The image of ../../Dockerfile, whose head says how to run it, for a machine with Docker alone: the binary is built in here.
#
#   docker build -t roundhouse -f deploy/docker/from-source.Dockerfile .
#
# Its base is named by a tag, which its owner can move. To build from what was looked at once, name it by digest:
#
#   docker buildx imagetools inspect oven/bun:1.4.5-debian --format '{{.Manifest.Digest}}'
#   docker build … --build-arg BUILD_IMAGE=oven/bun:1.4.5-debian@sha256:… .
#
# On amd64, --build-arg TARGET=bun-linux-x64-baseline makes sure that it runs on processors without AVX2.
ARG BUILD_IMAGE=oven/bun:1.4.5-debian

FROM ${BUILD_IMAGE} AS build
ARG TARGET
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production
COPY . .
RUN bun run build ${TARGET:+--target=$TARGET}

# From here on it is ../../Dockerfile.
FROM scratch
COPY --from=build /app/dist/rootfs /
ENV DB_URL=sqlite:////data/orchestrator.db BIND=0.0.0.0
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/roundhouse", "--healthcheck"]
ENTRYPOINT ["/roundhouse"]
LABEL org.opencontainers.image.title="Roundhouse" \
      org.opencontainers.image.description="Keeps a fleet of AceStream engine containers and serves them to the acexy proxy" \
      org.opencontainers.image.licenses="MIT"
