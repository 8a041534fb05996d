#!/usr/bin/env bash
# Makes dist/hubtally-<version>-x86_64-linux.tar.gz: a stripped, optimised binary that runs without Rust. Beside libc it
# needs OpenSSL 3 (libssl.so.3, libcrypto.so.3; Debian and Ubuntu: libssl3); the script checks that it needs no more.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$HUBTALLY_ROOT"
PROFILE=release scripts/build.sh

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
name=hubtally-$version-$(uname -m)-linux
folder=dist/$name
say "packing $name"
rm -rf "$folder" "$folder.tar.gz"
mkdir -p "$folder/completions"
install -m 755 bin/hubtally "$folder/hubtally"
strip --strip-all "$folder/hubtally"
# A library more would be one that other machines may lack.
usual='linux-vdso|ld-linux|libc\.so|libm\.so|libgcc_s|libssl\.so\.3|libcrypto\.so\.3'
more=$(ldd "$folder/hubtally" | grep -vE "$usual" || true)
[ -z "$more" ] || fail "the binary needs libraries that not every machine has: $more"
cp README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$folder/"
for shell in bash zsh fish; do
  bin/hubtally completions "$shell" >"$folder/completions/hubtally.$shell"
done
# The same commit gives the same tarball: names in order, one owner, the commit's time.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct 2>/dev/null || echo 0)" \
  -C dist -cf - "$name" | gzip -n9 >"$folder.tar.gz"
rm -rf "$folder"
(cd dist && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
say "made dist/$name.tar.gz ($(du -h "dist/$name.tar.gz" | cut -f1)), its digest beside it"
