#!/usr/bin/env bash
# An S3-compatible server for tests, on a free port of the loopback interface: the Versity gateway over a plain folder.
#   scripts/s3.sh start DIR   starts it, waits until it answers, writes DIR/env (shell assignments HUBTALLY_TEST_S3_…)
#   scripts/s3.sh stop  DIR   stops the server that DIR started
# It keeps its metadata in extended attributes where DIR's filesystem has them, else in files beside the data.
set -euo pipefail
. "$(dirname "$0")/env.sh"

command=${1:?start or stop}
folder=${2:?folder of the server}
bucket=hubtally-test
access_key=hubtally
secret_key=hubtally-secret

free_port() { "$HUBTALLY_CACHE/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

has_xattrs() {
  local probe=$folder/xattr-probe answer=0
  touch "$probe"
  "$HUBTALLY_CACHE/venv/bin/python" -c 'import os, sys; os.setxattr(sys.argv[1], "user.probe", b"1")' "$probe" 2>/dev/null || answer=1
  rm -f "$probe"
  return $answer
}

answers() { # whether the server's health address replies, without curl
  (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET /health HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3 | grep -q ' 200') 2>/dev/null
}

start() {
  local metadata=() port pid attempt
  mkdir -p "$folder/data/$bucket"
  folder=$(cd "$folder" && pwd)
  if [ -e "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null; then fail "already running: $folder"; fi
  if ! has_xattrs; then
    mkdir -p "$folder/metadata"
    metadata=(--sidecar "$folder/metadata")
  fi
  for attempt in 1 2 3 4 5; do # a free port can be taken between the look and the bind
    port=$(free_port)
    ROOT_ACCESS_KEY=$access_key ROOT_SECRET_KEY=$secret_key nohup \
      versitygw --quiet --port "127.0.0.1:$port" --health /health posix "${metadata[@]}" "$folder/data" \
      >"$folder/log" 2>&1 </dev/null &
    pid=$!
    echo "$pid" >"$folder/pid"
    for _ in $(seq 200); do
      kill -0 "$pid" 2>/dev/null || continue 2
      if answers "$port"; then
        cat >"$folder/env" <<ENV
export HUBTALLY_TEST_S3_ENDPOINT=http://127.0.0.1:$port
export HUBTALLY_TEST_S3_BUCKET=$bucket
export HUBTALLY_TEST_S3_ACCESS_KEY=$access_key
export HUBTALLY_TEST_S3_SECRET_KEY=$secret_key
export HUBTALLY_TEST_S3_REGION=us-east-1
ENV
        return 0
      fi
      sleep 0.05
    done
    stop_server "$folder"
  done
  tail -n 20 "$folder/log" >&2
  fail "the S3 server did not start after $attempt tries; its log stands above"
}

case $command in
  start) start ;;
  stop) stop_server "$folder" ;;
  *) fail "unknown command $command: start or stop" ;;
esac
