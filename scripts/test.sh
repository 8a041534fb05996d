#!/usr/bin/env bash
# Runs every test, with the servers that some of them talk to. Arguments go to `cargo test`.
#   SKIP_HTML=1 leaves out the check of the statements' HTML in a browser
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$HUBTALLY_ROOT"

servers=$(mktemp -d "${TMPDIR:-/tmp}/hubtally-servers.XXXXXX")
stop_servers() {
  for kind in s3 gcs azure kafka; do scripts/$kind.sh stop "$servers/$kind" || true; done
  rm -rf "$servers"
}
trap stop_servers EXIT
trap 'exit 130' INT TERM

say "starting object stores: S3, GCS, Azure"
for kind in s3 gcs azure; do
  scripts/$kind.sh start "$servers/$kind"
  . "$servers/$kind/env"
done
say "starting Kafka"
scripts/kafka.sh start "$servers/kafka" >/dev/null
. "$servers/kafka/env"
# Tests that let a broker crash or hang start brokers of their own.
export HUBTALLY_TEST_KAFKA_SCRIPT=$HUBTALLY_ROOT/scripts/kafka.sh
# Tests of Prometheus start servers of their own, each on its own samples.
export HUBTALLY_TEST_PROMETHEUS=$HUBTALLY_ROOT/scripts/prometheus.sh
export HUBTALLY_TEST_PYTHON=$HUBTALLY_CACHE/venv/bin/python
# In CI a test that finds no server fails instead of skipping.
[ "${CI:-}" = true ] && export CI_REQUIRE_SERVERS=1

say "running the tests"
cargo test --locked --workspace "$@"

if [ -z "${SKIP_HTML:-}" ] && [ $# = 0 ]; then
  # The binary that the tests were run with: a plain build would compile other feature sets again.
  HUBTALLY_BIN=$CARGO_TARGET_DIR/debug/hubtally scripts/check-html.sh
fi
say "all tests passed"
