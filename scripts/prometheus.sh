#!/usr/bin/env bash
# A Prometheus for tests, on a free port of the loopback interface: Debian's package (version 2), unpacked and not
# installed; with PROMETHEUS_MAJOR=3 version 3, built with Go the first time (about ten minutes).
#   scripts/prometheus.sh fetch            gets the binaries once, into the cache, and prints their folder
#   scripts/prometheus.sh import DIR FILE  turns OpenMetrics text into blocks of DIR's data
#   scripts/prometheus.sh start DIR        starts a server on DIR's data, waits until it is ready, prints its address
#   scripts/prometheus.sh stop DIR         stops the server that DIR started
# A configuration of one's own: PROMETHEUS_CONFIG=FILE (else the server scrapes nothing).
# More options for the server: PROMETHEUS_ARGS='--query.max-samples=1000'. Basic authentication: PROMETHEUS_AUTH=1
# (user alice, password alice-secret). PROMETHEUS_TLS=1: https that asks for a client certificate; what is needed lies in
# DIR/tls: ca.pem, client.pem, client.key.
set -euo pipefail
. "$(dirname "$0")/env.sh"

command=${1:?fetch, import, start or stop}
# The module's name for release 3.16.0. Without the tag, 27 clouds' libraries would be built too.
version3=v0.316.0
case ${PROMETHEUS_MAJOR:-2} in
  2) binaries=$HUBTALLY_CACHE/prometheus ;;
  3) binaries=$HUBTALLY_CACHE/prometheus-$version3 ;;
  *) fail "PROMETHEUS_MAJOR is ${PROMETHEUS_MAJOR}: 2 or 3" ;;
esac

build3() {
  command -v go >/dev/null || fail "Prometheus 3 is built with Go: install Go 1.26 or newer"
  say "building Prometheus 3 (about ten minutes)"
  GOBIN=$binaries GOFLAGS=-buildvcs=false CGO_ENABLED=0 nice go install -tags remove_all_sd -ldflags "-s -w" \
    "github.com/prometheus/prometheus/cmd/prometheus@$version3" "github.com/prometheus/prometheus/cmd/promtool@$version3" >&2 ||
    fail "Prometheus 3 was not built: its words stand above"
}

fetch() {
  [ -x "$binaries/prometheus" ] && [ -x "$binaries/promtool" ] && return 0
  if [ "${PROMETHEUS_MAJOR:-2}" = 3 ]; then
    build3
    return
  fi
  command -v apt-get >/dev/null || fail "this is no Debian: put prometheus and promtool (version 2) into $binaries"
  local folder
  folder=$(mktemp -d)
  chmod 755 "$folder"
  say "fetching Debian's Prometheus"
  (
    cd "$folder"
    # The package's dependencies are its web page's scripts; the binaries stand alone.
    apt-get -qq -o APT::Sandbox::User=root download prometheus >&2 || {
      as_root apt-get -qq update >&2
      apt-get -qq -o APT::Sandbox::User=root download prometheus >&2
    }
    dpkg -x prometheus_*.deb unpacked
  ) || fail "apt-get download prometheus failed: check the network and apt's sources"
  mkdir -p "$binaries"
  mv "$folder"/unpacked/usr/bin/prometheus "$folder"/unpacked/usr/bin/promtool "$binaries/"
  rm -rf "$folder"
}

import() { # folder file
  mkdir -p "$1/data"
  "$binaries/promtool" tsdb create-blocks-from openmetrics --max-block-duration=24h --quiet "$2" "$1/data" >&2
}

# make_certificates FOLDER: an authority, and one certificate each for the server and the client.
make_certificates() {
  local name
  mkdir -p "$1"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=test-ca \
    -keyout "$1/ca.key" -out "$1/ca.pem" 2>/dev/null
  for name in server client; do
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
      -keyout "$1/$name.key" -out "$1/$name.csr" 2>/dev/null
    openssl x509 -req -in "$1/$name.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial -days 3650 \
      -extfile <(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n') -out "$1/$name.pem" 2>/dev/null
  done
}

start() { # folder
  local folder port pid attempt scheme=http web=()
  mkdir -p "$1/data"
  folder=$(cd "$1" && pwd)
  if [ -n "${PROMETHEUS_CONFIG:-}" ]; then
    cp "$PROMETHEUS_CONFIG" "$folder/prometheus.yml"
  else
    echo 'global: {}' >"$folder/prometheus.yml"
  fi
  : >"$folder/web.yml"
  if [ -n "${PROMETHEUS_AUTH:-}" ]; then
    # The hash of alice-secret.
    printf 'basic_auth_users:\n  alice: "%s"\n' '$2y$04$grpOpdag5i99v8J8iNwOQu0NxxddYaakDYqwpYwyu4d2hv8E4AlkK' >>"$folder/web.yml"
  fi
  if [ -n "${PROMETHEUS_TLS:-}" ]; then
    make_certificates "$folder/tls"
    scheme=https
    printf 'tls_server_config:\n  cert_file: %s/server.pem\n  key_file: %s/server.key\n' "$folder/tls" "$folder/tls" >>"$folder/web.yml"
    printf '  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: %s/ca.pem\n' "$folder/tls" >>"$folder/web.yml"
  fi
  [ -s "$folder/web.yml" ] && web=("--web.config.file=$folder/web.yml")
  for attempt in 1 2 3 4 5; do # a free port can be taken between the look and the bind
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    # Without a retention old blocks are deleted at start, and without the block ranges they are rewritten.
    # shellcheck disable=SC2086
    nohup "$binaries/prometheus" --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" \
      --web.listen-address="127.0.0.1:$port" --storage.tsdb.retention.time=100y \
      --storage.tsdb.min-block-duration=2h --storage.tsdb.max-block-duration=2h \
      "${web[@]}" ${PROMETHEUS_ARGS:-} >"$folder/log" 2>&1 </dev/null &
    pid=$!
    echo "$pid" >"$folder/pid"
    for _ in $(seq 600); do
      kill -0 "$pid" 2>/dev/null || continue 2
      if grep -q 'Server is ready to receive web requests' "$folder/log"; then
        echo "$scheme://127.0.0.1:$port"
        return 0
      fi
      sleep 0.1
    done
    stop_server "$folder"
  done
  tail -n 20 "$folder/log" >&2
  fail "Prometheus did not start after $attempt tries; its log stands above"
}

case $command in
  fetch) fetch && echo "$binaries" ;;
  import) import "${2:?folder}" "${3:?OpenMetrics file}" ;;
  start) start "${2:?folder}" ;;
  stop) stop_server "${2:?folder}" ;;
  *) fail "unknown command $command: fetch, import, start or stop" ;;
esac
