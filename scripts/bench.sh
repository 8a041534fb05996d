#!/usr/bin/env bash
# Measures every figure: a line each, `NAME value=… goal=… ours=… peer=…`. Arguments name the benchmarks to run.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$HUBTALLY_ROOT"
# The peer of the ratios is DuckDB's Python package.
export HUBTALLY_TEST_PYTHON=$HUBTALLY_CACHE/venv/bin/python

names=("$@")
if [ ${#names[@]} = 0 ]; then
  for file in benches/*.rs benches/*/main.rs; do
    [ -e "$file" ] || continue
    case $file in */main.rs) name=$(basename "$(dirname "$file")") ;; *) name=$(basename "$file" .rs) ;; esac
    names+=("$name")
  done
fi
[ ${#names[@]} -gt 0 ] || fail "no benchmark in benches/"

say "building release (the first time this takes long)"
selected=()
for name in "${names[@]}"; do selected+=(--bench "$name"); done
cargo bench --locked --package hubtally "${selected[@]}" --no-run
say "measuring; keep the machine quiet"
cargo bench --locked --package hubtally "${selected[@]}"
