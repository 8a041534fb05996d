#!/usr/bin/env bash
# Closes the sample month in a new folder, the way a new user would: init, put the data beside it, close.
#   scripts/close-sample.sh BINARY FOLDER [argument of close…]
set -euo pipefail
. "$(dirname "$0")/env.sh"
binary=$(realpath -e "${1:?the binary}")
mkdir -p "${2:?the folder}"
cd "$2"
shift 2

sample=$HUBTALLY_ROOT/sample-data/federation
if [ ! -e "$sample/registry.toml" ]; then
  say "generating the sample federation"
  "$binary" sample --seed 1 --scale 1 --out sample
  sample=$PWD/sample
fi
"$binary" init >/dev/null
# The sample brings its own registry, policy, usage and bills, under the names that hubtally.toml expects.
cp -R "$sample/." .
# The sample is incomplete on purpose (a scrape gap, a day of estimated cost): that is no failure here.
"$binary" close --period 2026-06 --exit-zero-if-incomplete "$@"
