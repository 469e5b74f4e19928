# The orchestrator in a container, from a binary that is there already. It needs no base image and so no registry:
#
#   bun run build:image                            # builds the binary and, from it, the image roundhouse:latest
#   bun run build && docker build -t roundhouse .  # the same in two steps, with the runtime of this machine
#
# deploy/docker/from-source.Dockerfile builds the binary too, for a machine without Bun. deploy/compose has files that start
# the image, with acexy beside it. By itself:
#
#   docker run -d --name roundhouse --network host -e API_KEY="$(openssl rand -hex 32)" -e ENGINE_ADVERTISE=host \
#     -v /var/run/docker.sock:/var/run/docker.sock -v roundhouse:/data roundhouse
#
# It listens on all addresses, so it does not start without a key (-e API_KEY=…, or a file: -e API_KEY_FILE=/run/secrets/…),
# unless -e ALLOW_NO_KEY=true lets everybody in, or -e BIND=127.0.0.1 lets in only those who share its network.
#
# It runs as root, because the socket belongs to root and to a group whose number differs from host to host, and whoever may
# use that socket is root on the host anyway. It needs no capability (--cap-drop ALL) and writes only to /data (--read-only).
# Any other user does too, if the socket's group lets it in; /data of a new volume is open to every user:
#
#   docker run … --user 65532:65532 --group-add "$(stat -c %g /var/run/docker.sock)" …

FROM scratch AS prebuilt
COPY dist/rootfs /
ENV DB_URL=sqlite:////data/orchestrator.db BIND=0.0.0.0
VOLUME /data
EXPOSE 8000
# It asks /readyz. What that answered is in docker inspect, so an unhealthy container says why.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/roundhouse", "--healthcheck"]
ENTRYPOINT ["/roundhouse"]
LABEL org.opencontainers.image.title="Roundhouse" \
      org.opencontainers.image.description="Keeps a fleet of AceStream engine containers and serves them to the acexy proxy" \
      org.opencontainers.image.licenses="MIT"
