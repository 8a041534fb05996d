#!/usr/bin/env bash
# Checks statements as a browser and a screen reader meet them: valid HTML (html-validate), accessibility and no
# request to anywhere (axe-core in Chromium), charts with a name and a description.
#   scripts/check-html.sh [FILE or FOLDER…]   default: closes the sample month and checks every page it wrote
#   HUBTALLY_BIN=…  the binary that closes the sample (default: bin/hubtally, built if missing)
set -euo pipefail
. "$(dirname "$0")/env.sh"

targets=()
for target in "$@"; do targets+=("$(realpath -e "$target")") || fail "there is no $target"; done
cd "$HUBTALLY_ROOT"

tools=$HUBTALLY_CACHE/html

node_is_new_enough() { # html-validate asks for ^20.19, ^22.16 or >= 24
  command -v npm >/dev/null && node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit((major === 20 && minor >= 19) || (major === 22 && minor >= 16) || major >= 24 ? 0 : 1)' 2>/dev/null
}

install_tools() {
  command -v chromium >/dev/null || apt_install chromium
  if ! node_is_new_enough; then
    python_env node scripts/python/node.txt
    export PATH="$HUBTALLY_CACHE/node/bin:$PATH"
  fi
  local wanted
  wanted=$(sha256sum scripts/html/package-lock.json | cut -d' ' -f1)
  if [ "$(cat "$tools/installed" 2>/dev/null)" != "$wanted" ]; then
    say "installing the HTML checkers"
    mkdir -p "$tools"
    cp scripts/html/package.json scripts/html/package-lock.json "$tools/"
    npm ci --prefix "$tools" --ignore-scripts --no-audit --no-fund --silent
    echo "$wanted" >"$tools/installed"
  fi
  # Node looks for packages beside the program, so the program goes where the packages are.
  cp scripts/html/check.mjs scripts/html/html-validate.json "$tools/"
}

sample_statements() { # closes the sample month into folder $1
  local binary=${HUBTALLY_BIN:-bin/hubtally}
  [ -x "$binary" ] || { [ -z "${HUBTALLY_BIN:-}" ] && scripts/build.sh >&2; }
  say "closing the sample month for its pages"
  scripts/close-sample.sh "$binary" "$1" >/dev/null
}

install_tools
if [ ${#targets[@]} = 0 ]; then
  work=$(mktemp -d "${TMPDIR:-/tmp}/hubtally-html.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  sample_statements "$work"
  targets=("$work/statements")
fi

mapfile -d '' -t pages < <(find "${targets[@]}" -type f -name '*.html' -print0 | sort -z)
[ ${#pages[@]} -gt 0 ] || fail "no .html file in: ${targets[*]}"
# Checkers that accept everything would look the same as good pages.
bad_pages=(scripts/html/examples/bad*.html)
refused=$(node "$tools/check.mjs" "${bad_pages[@]}" 2>/dev/null | grep -c ': REFUSED$') || true
[ "$refused" = ${#bad_pages[@]} ] || fail "the checkers refused $refused of ${#bad_pages[@]} bad pages in scripts/html/examples: they do not work here"
node "$tools/check.mjs" scripts/html/examples/good.html >/dev/null || fail "the checkers refused scripts/html/examples/good.html: they do not work here"

say "checking ${#pages[@]} pages"
node "$tools/check.mjs" "${pages[@]}"
