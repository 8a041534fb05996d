#!/usr/bin/env bash
# From nothing to a closed month: builds, closes the sample month in demo/, shows what came out and what to try next.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$HUBTALLY_ROOT"

scripts/build.sh
say "closing June 2026 of the sample federation in demo/"
# Each demo starts afresh; what a person put beside these stays.
rm -rf demo/{store,keys,statements,sample,usage,bills} demo/{hubtally,registry,policy}.toml
began=$SECONDS
scripts/close-sample.sh bin/hubtally demo
say "closed in $((SECONDS - began)) s"
cat <<TXT

The statements lie in demo/statements/. Open in a browser:
$(find demo/statements -name '*.html' | sort | sed 's/^/  /')

Try next, in demo/:
  ../bin/hubtally tables
  ../bin/hubtally sql "SELECT community, kind, SUM(amount) AS amount FROM ledger GROUP BY community, kind ORDER BY community, kind"
  ../bin/hubtally explain --help
TXT
