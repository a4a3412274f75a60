# The images of the platform's programs, a target each, built from the root of the clone:
#   docker build --target gateway --build-arg VERSION=0.1.0 --tag registry.example/team/gateway:0.1.0 .
# There is no syntax line: a builder would fetch its own language from a registry for it, and the one that it has will do.
ARG VERSION=devel

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS go
ENV CGO_ENABLED=0 GOWORK=off

# Modules are a layer of their own, made anew where a go.mod or go.sum has changed.
FROM go AS modules
WORKDIR /src
COPY pkg/go.mod pkg/go.sum pkg/
COPY pkg/cluster/go.mod pkg/cluster/go.sum pkg/cluster/
COPY services/backup/go.mod services/backup/go.sum services/backup/
COPY services/events/go.mod services/events/go.sum services/events/
COPY services/gateway/go.mod services/gateway/go.sum services/gateway/
COPY services/janitor/go.mod services/janitor/go.sum services/janitor/
COPY services/provisioner/go.mod services/provisioner/go.sum services/provisioner/
RUN for module in services/*; do (cd $module && go mod download) || exit; done

# What lists the modules that a program is made of.
FROM go AS lister
RUN --mount=type=cache,target=/root/.cache/go-build go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

# All programs at once: they share most of what is compiled. Each has a folder, which is all that its image holds.
FROM modules AS programs
COPY --from=lister /go/bin/cyclonedx-gomod /usr/local/bin/
COPY pkg pkg
COPY services services
ARG TARGETOS TARGETARCH VERSION
RUN --mount=type=cache,target=/root/.cache/go-build \
    export GOOS=$TARGETOS GOARCH=$TARGETARCH; cd services && for service in *; do \
      (cd $service && go build -trimpath -ldflags="-s -w -X github.com/store-platform/store-platform/pkg/version.stamped=$VERSION" \
        -o /images/$service/ ./cmd/store-$service github.com/store-platform/store-platform/pkg/cmd/healthcheck && \
      cyclonedx-gomod bin -json -version "$VERSION" -output /images/$service/sbom.cdx.json /images/$service/store-$service) || exit; \
    done

FROM scratch AS image
COPY --from=programs /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
ARG VERSION
LABEL org.opencontainers.image.version=$VERSION org.opencontainers.image.licenses=Apache-2.0
USER 65532:65532

FROM image AS backup
LABEL org.opencontainers.image.title=store-backup org.opencontainers.image.description="Copies the log, and restores it"
COPY --from=programs /images/backup /
ENTRYPOINT ["/store-backup"]

FROM image AS events
LABEL org.opencontainers.image.title=store-events org.opencontainers.image.description="Projects the log into Postgres, and serves the live feed"
COPY --from=programs /images/events /
ENTRYPOINT ["/store-events"]

FROM image AS gateway
LABEL org.opencontainers.image.title=store-gateway org.opencontainers.image.description="The platform's door: REST, live feed and page"
COPY --from=programs /images/gateway /
ENTRYPOINT ["/store-gateway"]

FROM image AS janitor
LABEL org.opencontainers.image.title=store-janitor org.opencontainers.image.description="Removes stores, and sweeps"
COPY --from=programs /images/janitor /
ENTRYPOINT ["/store-janitor"]

FROM image AS provisioner
LABEL org.opencontainers.image.title=store-provisioner org.opencontainers.image.description="Makes stores, and keeps them"
COPY --from=programs /images/provisioner /
ENTRYPOINT ["/store-provisioner"]
