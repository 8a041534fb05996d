#!/usr/bin/env bash
# What takes longer than `make test` may: the tests of Prometheus against both of its versions. Their hours are the
# same numbers for both.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$HUBTALLY_ROOT"

export HUBTALLY_TEST_PROMETHEUS=$HUBTALLY_ROOT/scripts/prometheus.sh
for PROMETHEUS_MAJOR in 2 3; do
  export PROMETHEUS_MAJOR
  scripts/prometheus.sh fetch >/dev/null
  say "tests of Prometheus, against version $PROMETHEUS_MAJOR"
  cargo test --locked --workspace --lib -- prometheus
  cargo test --locked --workspace --test cli -- prometheus
done
