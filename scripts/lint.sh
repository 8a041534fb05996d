#!/usr/bin/env bash
# Every lint, as CI runs it. Goes on after a failure, so that one run names them all.
set -uo pipefail
. "$(dirname "$0")/env.sh"
cd "$HUBTALLY_ROOT" || exit 1
scripts/install-lint-deps.sh || exit 1

failed=()
lint() { # lint NAME COMMAND…
  local name=$1
  shift
  say "$name"
  "$@" || failed+=("$name")
}

lint "formatting (mend with: cargo fmt --all)" cargo fmt --all --check
lint "spelling (mend, or allow a word in _typos.toml)" "$HUBTALLY_CACHE/tools/bin/typos" --format brief
lint "licences, second copies, sources" cargo deny --log-level error check --hide-inclusion-graph licenses bans sources
lint "clippy" cargo clippy --locked --workspace --all-targets -- -D warnings

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nfailed: %s\n' "${failed[@]}" >&2
  exit 1
fi
say "all lints passed"
