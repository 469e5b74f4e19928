# The orchestrator in a container. It drives the Docker Engine of the host, so it gets the host's socket:
#
#   docker run -d --name roundhouse --network host -e ENGINE_ADVERTISE=host \
#     -v /var/run/docker.sock:/var/run/docker.sock -v roundhouse:/data roundhouse
#
# Without a key it listens on 127.0.0.1 only: with the host's network that is the host's own, which acexy shares. In a network of
# its own (-p 8000:8000) nobody outside could reach it there, so it needs a key: -e API_KEY=..., or a secret that is mounted and
# -e API_KEY_FILE=/run/secrets/api_key; with that it listens on all addresses (-e ALLOW_NO_KEY=true does so without one).
#
# It runs as root: the socket belongs to root and to a group whose number differs from host to host. Whoever may use
# that socket is root on the host anyway. To run it as another user: --user 1000:$(stat -c %g /var/run/docker.sock),
# with a folder for /data that this user may write to.

# The images that it is made from, by tags, which their owners can move. To build from what was looked at once, name them by digest:
#   docker buildx imagetools inspect oven/bun:1.4.5-debian --format '{{.Manifest.Digest}}'
#   docker build --build-arg BUILD_IMAGE=oven/bun:1.4.5-debian@sha256:… --build-arg BASE_IMAGE=gcr.io/distroless/cc-debian12@sha256:… .
ARG BUILD_IMAGE=oven/bun:1.4.5-debian
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12

# From a binary that is there already (bun run build --rootfs), without a registry:
#   docker build --target prebuilt -t roundhouse .
FROM scratch AS prebuilt
COPY dist/rootfs /
# In a container the state belongs on the volume.
ENV DB_URL=sqlite:////data/orchestrator.db
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s CMD ["/roundhouse", "--healthcheck"]
ENTRYPOINT ["/roundhouse"]

FROM ${BUILD_IMAGE} AS build
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile
COPY . .
RUN bun run build

# The C library and certificates, and no shell.
FROM ${BASE_IMAGE}
COPY --from=build /app/dist/roundhouse /roundhouse
ENV DB_URL=sqlite:////data/orchestrator.db
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s CMD ["/roundhouse", "--healthcheck"]
ENTRYPOINT ["/roundhouse"]
