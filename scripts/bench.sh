#!/usr/bin/env bash
# Measures the figures of docs/performance.md in a release build: a line each, then all in one table.
#   scripts/bench.sh [FIGURE…]    all of them, or some: kafka events seal metering close prometheus
#   HUBTALLY_BENCH_SCALE=10       a tenth of the data, for a quick look (default 110: 30 million pod rows, a million bill lines)
#   HUBTALLY_BENCH_MESSAGES=100000  fewer messages in the Kafka topic than three million
#   HUBTALLY_BENCH_RUNS=1         fewer runs than five
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$HUBTALLY_ROOT"
# The peer is DuckDB's Python package.
export HUBTALLY_TEST_PYTHON=$HUBTALLY_CACHE/venv/bin/python
export HUBTALLY_TEST_KAFKA_SCRIPT=$HUBTALLY_ROOT/scripts/kafka.sh
export HUBTALLY_BENCH=${HUBTALLY_BENCH:-$HUBTALLY_CACHE/bench}

say "building release (the first time this takes long)"
cargo bench --locked --package hubtally --bench figures --no-run
say "measuring; keep the machine quiet"
cargo bench --locked --quiet --package hubtally --bench figures -- "$@"
