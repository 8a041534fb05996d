#!/usr/bin/env bash
# What a build needs: a C compiler (zstd and the TLS library bring C), make, and Rust.
set -euo pipefail
. "$(dirname "$0")/env.sh"

wanted=()
command -v cc >/dev/null || wanted+=(gcc libc6-dev)
command -v make >/dev/null || wanted+=(make)
[ -e /etc/ssl/certs/ca-certificates.crt ] || wanted+=(ca-certificates)
[ ${#wanted[@]} = 0 ] || apt_install "${wanted[@]}"

least=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$HUBTALLY_ROOT/Cargo.toml")
command -v cargo >/dev/null || fail "no Rust found. Install Rust $least or newer (https://rustup.rs), then run this again"
have=$(rustc --version | cut -d' ' -f2)
version_at_least "$have" "$least" || fail "Rust $have is too old: $least or newer is needed (rustup update stable)"
