#!/usr/bin/env bash
# What takes longer than `make test` may.
#   Prometheus: its tests against both of its versions; their hours are the same numbers for both.
#   Kafka: workers that read a real broker are killed at random moments, two of them claiming every partition, and
#   Python's deltalake counts what landed. The last line is `kills=N missing=0 doubled=0`.
#     KILLS=200 (default)
#   scripts/faults.sh [prometheus] [kafka]    one of them; default both
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$HUBTALLY_ROOT"
wanted=${*:-prometheus kafka}

if [[ $wanted == *prometheus* ]]; then
  export HUBTALLY_TEST_PROMETHEUS=$HUBTALLY_ROOT/scripts/prometheus.sh
  for PROMETHEUS_MAJOR in 2 3; do
    export PROMETHEUS_MAJOR
    scripts/prometheus.sh fetch >/dev/null
    say "tests of Prometheus, against version $PROMETHEUS_MAJOR"
    cargo test --locked --workspace --lib -- prometheus
    cargo test --locked --workspace --test cli -- prometheus
  done
fi
[[ $wanted == *kafka* ]] || exit 0

server=$(mktemp -d "${TMPDIR:-/tmp}/hubtally-faults.XXXXXX")
stop_kafka() {
  scripts/kafka.sh stop "$server" || true
  rm -rf "$server"
}
trap stop_kafka EXIT
trap 'exit 130' INT TERM

say "starting Kafka"
scripts/kafka.sh start "$server" >/dev/null
. "$server/env"
export HUBTALLY_TEST_PYTHON=$HUBTALLY_CACHE/venv/bin/python
export HUBTALLY_TEST_KILLS=$((${KILLS:-200} - 2)) # two more are killed at the end
export CI_REQUIRE_SERVERS=1

say "killing workers, ${KILLS:-200} times (about a second each)"
cargo test --locked --workspace --test cli -- --nocapture every_event_lands_once_though_workers_are_killed | tee "$server/out"
grep -o 'kills=[0-9]* missing=[0-9]* doubled=[0-9]*' "$server/out" | tail -n 1
