#!/usr/bin/env bash
# What a build needs: C and C++ compilers, make (zstd, the TLS library and librdkafka are built from C), OpenSSL's
# headers and pkg-config (for librdkafka), and Rust.
set -euo pipefail
. "$(dirname "$0")/env.sh"

wanted=()
command -v cc >/dev/null || wanted+=(gcc libc6-dev)
command -v c++ >/dev/null || wanted+=(g++)
command -v make >/dev/null || wanted+=(make)
command -v pkg-config >/dev/null || wanted+=(pkg-config)
pkg-config --exists openssl 2>/dev/null || wanted+=(libssl-dev)
[ -e /etc/ssl/certs/ca-certificates.crt ] || wanted+=(ca-certificates)
[ ${#wanted[@]} = 0 ] || apt_install "${wanted[@]}"

least=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$HUBTALLY_ROOT/Cargo.toml")
command -v cargo >/dev/null || fail "no Rust found. Install Rust $least or newer (https://rustup.rs), then run this again"
have=$(rustc --version | cut -d' ' -f2)
version_at_least "$have" "$least" || fail "Rust $have is too old: $least or newer is needed (rustup update stable)"
