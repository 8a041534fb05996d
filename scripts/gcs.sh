#!/usr/bin/env bash
# A Google Cloud Storage server for tests, on a free port of the loopback interface: fake-gcs-server in memory, behind the
# part of the XML API that our client speaks (scripts/gcs/main.go).
#   scripts/gcs.sh fetch       builds it once, into the cache (Go, about three minutes)
#   scripts/gcs.sh start DIR   starts it, waits until it answers, writes DIR/env (shell assignments HUBTALLY_TEST_GCS_…)
#   scripts/gcs.sh stop  DIR   stops the server that DIR started
set -euo pipefail
. "$(dirname "$0")/env.sh"

command=${1:?fetch, start or stop}
bucket=hubtally-test
binary=$HUBTALLY_CACHE/bin/gcsxml

fetch() {
  local wanted go
  wanted=$(cat "$HUBTALLY_ROOT"/scripts/gcs/{go.mod,go.sum,main.go} | sha256sum | cut -d' ' -f1)
  [ "$(cat "$binary.version" 2>/dev/null)" = "$wanted" ] && [ -x "$binary" ] && return 0
  go=$(go_command 1.26.0)
  say "building the GCS server for tests (about three minutes)"
  (cd "$HUBTALLY_ROOT/scripts/gcs" && GOFLAGS='-buildvcs=false -mod=readonly' CGO_ENABLED=0 "$go" build -o "$binary" .)
  echo "$wanted" >"$binary.version"
}

answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET /_internal/healthcheck HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3 | grep -q ' 200') 2>/dev/null
}

start() { # folder
  local folder port pid attempt
  mkdir -p "$1"
  folder=$(cd "$1" && pwd)
  for attempt in 1 2 3 4 5; do # a free port can be taken between the look and the bind
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    nohup "$binary" -addr "127.0.0.1:$port" -buckets "$bucket" >"$folder/log" 2>&1 </dev/null &
    pid=$!
    echo "$pid" >"$folder/pid"
    for _ in $(seq 200); do
      kill -0 "$pid" 2>/dev/null || continue 2
      if answers "$port"; then
        # Without a signature reads would pass and writes ask a machine of Google's for a token: an account that needs none.
        printf '{"gcs_base_url":"http://127.0.0.1:%s","disable_oauth":true,"client_email":"","private_key":"","private_key_id":""}\n' \
          "$port" >"$folder/account.json"
        cat >"$folder/env" <<ENV
export HUBTALLY_TEST_GCS_BUCKET=$bucket
export HUBTALLY_TEST_GCS_ACCOUNT=$folder/account.json
ENV
        return 0
      fi
      sleep 0.05
    done
    stop_server "$folder"
  done
  tail -n 20 "$folder/log" >&2
  fail "the GCS server did not start after $attempt tries; its log stands above"
}

case $command in
  fetch) fetch ;;
  start) start "${2:?folder of the server}" ;;
  stop) stop_server "${2:?folder of the server}" ;;
  *) fail "unknown command $command: fetch, start or stop" ;;
esac
