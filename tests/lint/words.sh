#!/usr/bin/env bash
# usage: words.sh ROOT   What must not stand in the sources: unowned TODOs, skipped tests, commented-out code.
set -euo pipefail
cd "$1"
bad=0
refuse() {  # refuse PATTERN SENTENCE
  local found
  found=$(find plugins daemon tests webui pipelines \( -path tests/lint -o -name node_modules \) -prune -o \
    \( -name '*.cpp' -o -name '*.hpp' -o -name '*.ts' -o -name '*.tsx' -o -name '*.sh' -o -name '*.pipeline' \) -type f \
    -print0 2>/dev/null | xargs -0r grep -nHE "$1" || true)
  [ -z "$found" ] || { printf '%s\n%s\n' "$found" "  ^ $2"; bad=1; }
}
refuse '\b(TODO|FIXME|HACK)\b' 'work that is left belongs into an issue'
refuse '(GTEST_SKIP|DISABLED_|\.only\()' 'a skipped test proves nothing'
refuse '^[[:space:]]*// ?[A-Za-z_:.>-]+\(.*\);$' 'commented-out code: delete it, git remembers'
refuse 'using namespace std' 'name what is used'
exit "$bad"
