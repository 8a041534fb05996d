#!/usr/bin/env bash
# Builds the binary and leaves it at bin/hubtally.
#   PROFILE=dev (default: quick to build, dependencies optimised) | release (fast)
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$HUBTALLY_ROOT"
profile=${PROFILE:-dev}
case $profile in dev) folder=debug ;; *) folder=$profile ;; esac

scripts/install-build-deps.sh
say "building hubtally ($profile; the first build compiles every dependency)"
cargo build --locked --package hubtally --bin hubtally --profile "$profile"
mkdir -p bin
# A running binary cannot be written over, but it can be replaced.
install -m 755 "$CARGO_TARGET_DIR/$folder/hubtally" bin/hubtally.new
mv -f bin/hubtally.new bin/hubtally
say "built: bin/hubtally"
