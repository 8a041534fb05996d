#!/usr/bin/env bash
# What the tests need besides Rust: servers of the kinds S3, GCS and Azure, Apache Kafka, a Prometheus, and other programs that read our tables. Kept in the cache.
set -euo pipefail
. "$(dirname "$0")/env.sh"

s3_server=github.com/versity/versitygw/cmd/versitygw@v1.8.0
s3_server_go=1.25.0 # the Go that this release asks for

"$HUBTALLY_ROOT/scripts/install-build-deps.sh"
python_env venv "$HUBTALLY_ROOT/scripts/python/tests.txt"

if [ "$(cat "$HUBTALLY_CACHE/bin/versitygw.version" 2>/dev/null)" != "$s3_server" ] || [ ! -x "$HUBTALLY_CACHE/bin/versitygw" ]; then
  go=$(go_command "$s3_server_go")
  say "building the S3 server for tests ($s3_server, about two minutes)"
  GOBIN=$HUBTALLY_CACHE/bin GOFLAGS=-buildvcs=false CGO_ENABLED=0 "$go" install "$s3_server"
  echo "$s3_server" >"$HUBTALLY_CACHE/bin/versitygw.version"
fi

command -v openssl >/dev/null || apt_install openssl
"$HUBTALLY_ROOT/scripts/prometheus.sh" fetch >/dev/null
"$HUBTALLY_ROOT/scripts/gcs.sh" fetch
"$HUBTALLY_ROOT/scripts/azure.sh" fetch
"$HUBTALLY_ROOT/scripts/kafka.sh" fetch >/dev/null
