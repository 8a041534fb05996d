#!/usr/bin/env bash
# An Azure Blob server for tests, on a free port of the loopback interface: Azurite, in memory.
#   scripts/azure.sh fetch       installs it once, into the cache (npm)
#   scripts/azure.sh start DIR   starts it, waits until it answers, writes DIR/env (shell assignments)
#   scripts/azure.sh stop  DIR   stops the server that DIR started
# The client must be in its emulator mode, which finds the server by AZURITE_BLOB_STORAGE_URL: with an endpoint of its own it
# trusts Azurite to begin a listing where it was asked to, which it does not.
set -euo pipefail
. "$(dirname "$0")/env.sh"

command=${1:?fetch, start or stop}
container=hubtally-test
account=devstoreaccount1 # Azurite's published account for development
folder_of=$HUBTALLY_CACHE/azurite
main=$folder_of/node_modules/azurite/dist/src/blob/main.js

fetch() {
  local wanted
  wanted=$(sha256sum "$HUBTALLY_ROOT/scripts/azure/package-lock.json" | cut -d' ' -f1)
  node_env
  [ "$(cat "$folder_of/installed" 2>/dev/null)" = "$wanted" ] && [ -e "$main" ] && return 0
  say "installing the Azure server for tests"
  rm -rf "$folder_of"
  mkdir -p "$folder_of"
  cp "$HUBTALLY_ROOT"/scripts/azure/package*.json "$folder_of/"
  (cd "$folder_of" && npm ci --ignore-scripts --no-audit --no-fund --silent >&2)
  echo "$wanted" >"$folder_of/installed"
}

# The container, made with the account's published key, which the package itself holds.
make_container() { # port
  local key
  key=$(sed -nE 's/.*EMULATOR_ACCOUNT_KEY_STR = "([^"]+)".*/\1/p' "${main%/blob/main.js}"/{blob,common}/utils/constants.js 2>/dev/null | head -n 1)
  "$HUBTALLY_CACHE/venv/bin/python" - "$1" "$account" "$key" "$container" <<'PY'
import base64, hashlib, hmac, sys, urllib.error, urllib.request
from email.utils import formatdate

port, account, key, container = sys.argv[1:]
date, version = formatdate(usegmt=True), "2021-12-02"
signed = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{version}\n/{account}/{account}/{container}\nrestype:container"
signature = base64.b64encode(hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()).decode()
headers = {"x-ms-date": date, "x-ms-version": version, "Authorization": f"SharedKey {account}:{signature}"}
url = f"http://127.0.0.1:{port}/{account}/{container}?restype=container"
try:
    urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers)).read()
except urllib.error.HTTPError as error:
    if error.code != 409:
        sys.exit(f"the container cannot be made: {error.code} {error.read()[:400]}")
PY
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

start() { # folder
  local folder port pid attempt
  node_env
  mkdir -p "$1"
  folder=$(cd "$1" && pwd)
  for attempt in 1 2 3 4 5; do # a free port can be taken between the look and the bind
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    (cd "$folder" && exec nohup node "$main" --blobHost 127.0.0.1 --blobPort "$port" --inMemoryPersistence --silent \
      --skipApiVersionCheck --disableTelemetry --disableProductStyleUrl >"$folder/log" 2>&1 </dev/null) &
    pid=$!
    echo "$pid" >"$folder/pid"
    for _ in $(seq 400); do
      kill -0 "$pid" 2>/dev/null || continue 2
      if answers "$port" && make_container "$port"; then
        cat >"$folder/env" <<ENV
export HUBTALLY_TEST_AZURE_CONTAINER=$container
export AZURITE_BLOB_STORAGE_URL=http://127.0.0.1:$port
ENV
        return 0
      fi
      sleep 0.05
    done
    stop_server "$folder"
  done
  tail -n 20 "$folder/log" >&2
  fail "the Azure server did not start after $attempt tries; its log stands above"
}

case $command in
  fetch) fetch ;;
  start) start "${2:?folder of the server}" ;;
  stop) stop_server "${2:?folder of the server}" ;;
  *) fail "unknown command $command: fetch, start or stop" ;;
esac
