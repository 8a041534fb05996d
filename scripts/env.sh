# shellcheck shell=bash
# Sourced by every script: the one place that says where caches lie and how a step is announced.

HUBTALLY_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HUBTALLY_CACHE=${HUBTALLY_CACHE:-$HOME/.cache/hubtally}
# Outside the clone, so that a second clone rebuilds in seconds.
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HUBTALLY_CACHE/target}
export HUBTALLY_ROOT HUBTALLY_CACHE CARGO_TARGET_DIR
mkdir -p "$HUBTALLY_CACHE/bin"
[ -d "$HOME/.cargo/bin" ] && PATH="$HOME/.cargo/bin:$PATH"
export PATH="$HUBTALLY_CACHE/bin:$PATH"

# say WORDS: announces a step, on stderr, with the time since the script began.
say() { printf '\n== %s (%d:%02d)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)) >&2; }

# fail WORDS: says what is wrong and what to do, and ends the script.
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# as_root COMMAND…: runs a command as root, by sudo where needed.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else
    command -v sudo >/dev/null || fail "this needs root and there is no sudo: run as root once: $*"
    sudo "$@"
  fi
}

# apt_install PACKAGE…: installs what is missing of Debian's packages; says nothing when nothing is.
apt_install() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  command -v apt-get >/dev/null || fail "please install these yourself, this is no Debian: ${missing[*]}"
  say "installing from Debian: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# stop_server FOLDER: stops the server whose process id stands in FOLDER/pid, by force after five seconds.
stop_server() {
  local pid
  pid=$(cat "$1/pid" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  kill -9 "$pid" 2>/dev/null || true
  rm -f "$1/pid"
}

# version_at_least HAVE WANT
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# python_env NAME REQUIREMENTS: makes, or brings up to date, the Python environment NAME in the cache.
python_env() {
  local folder=$HUBTALLY_CACHE/$1 wanted
  wanted=$(sha256sum "$2" | cut -d' ' -f1)
  [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ] && [ -x "$folder/bin/python" ] && return 0
  if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then apt_install python3 python3-venv; fi
  say "installing Python packages of $(basename "$2")"
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$2"
  echo "$wanted" >"$folder/installed"
}

# go_command VERSION: prints a Go that is at least that new, installing one from PyPI where the machine has none (Debian 12 has 1.19).
go_command() {
  local have
  have=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || have=
  if [ -n "$have" ] && version_at_least "$have" "$1"; then
    command -v go
    return
  fi
  python_env go "$HUBTALLY_ROOT/scripts/python/go.txt" >&2
  echo "$HUBTALLY_CACHE/go/bin/go"
}

# node_env: puts a Node.js of 20 or newer on PATH, installing one from PyPI where the machine has none.
node_env() {
  if ! command -v npm >/dev/null || ! node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null; then
    python_env node "$HUBTALLY_ROOT/scripts/python/node.txt"
    export PATH="$HUBTALLY_CACHE/node/bin:$PATH"
  fi
}
