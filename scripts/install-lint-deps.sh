#!/usr/bin/env bash
# What the lints need: rustfmt and clippy, typos (PyPI carries its binary), cargo-deny (built once, kept in the cache).
set -euo pipefail
. "$(dirname "$0")/env.sh"

cargo_deny=0.20.2

"$HUBTALLY_ROOT/scripts/install-build-deps.sh"
for component in fmt clippy; do
  cargo "$component" --version >/dev/null 2>&1 && continue
  command -v rustup >/dev/null || fail "cargo $component is missing, and there is no rustup to install it with"
  rustup component add "${component/fmt/rustfmt}"
done
python_env tools "$HUBTALLY_ROOT/scripts/python/tools.txt"

if [ "$("$HUBTALLY_CACHE/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $cargo_deny" ]; then
  say "building cargo-deny $cargo_deny (one to three minutes)"
  # Lightly optimised: it runs for a second and would take many minutes to build at its own settings.
  CARGO_TARGET_DIR=$HUBTALLY_CACHE/cargo-deny CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
    cargo install --quiet --locked --force --root "$HUBTALLY_CACHE" "cargo-deny@$cargo_deny"
  rm -rf "$HUBTALLY_CACHE/cargo-deny"
fi
