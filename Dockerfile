# hubtally in a container: built in one stage, run in another without Rust, as a user without rights.
#   docker build -t hubtally .
#   docker run --rm -v "$PWD:/work" hubtally close --period 2026-06
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc g++ libc6-dev make pkg-config libssl-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/target \
    CARGO_TARGET_DIR=/target cargo build --locked --package hubtally --bin hubtally --release \
 && install -m 755 -s /target/release/hubtally /usr/local/bin/hubtally

FROM debian:bookworm-slim
# Roots of trust, for object storage over TLS; OpenSSL, for Kafka over TLS.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libssl3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /work hubtally
COPY --from=build /usr/local/bin/hubtally /usr/local/bin/hubtally
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/hubtally/
USER hubtally
WORKDIR /work
ENTRYPOINT ["hubtally"]
CMD ["--help"]
