#!/usr/bin/env bash
# usage: sizes.sh ROOT   Files of code stay under 800 lines, C++ functions under 80.
set -euo pipefail
cd "$1"
{ find plugins daemon tests webui \( -path tests/lint/fixtures -o -name node_modules \) -prune -o \
  \( -name '*.cpp' -o -name '*.hpp' -o -name '*.ts' -o -name '*.tsx' -o -name '*.sh' \) -type f -print 2>/dev/null || true; } |
  LC_ALL=C sort | { while read -r file; do
  awk -v file="$file" '
    # A function opens on a line that ends with "{" and closes where its brace stands at the same indentation.
    function indentation(line) { match(line, /^ */); return RLENGTH }
    file ~ /pp$/ && /\) *(const)? *(noexcept)? *(override)? *(-> *[A-Za-z_:<>, ]+)? *\{$/ &&
      !/^ *(if|for|while|switch|else|} else)/ && indentation($0) <= 2 && !open {
      open = NR; depth = indentation($0); name = $0
    }
    open && /^ *\}/ && indentation($0) == depth {
      if (NR - open > 80) { print file ":" open ": a function of " NR - open " lines (limit 80):" name; bad = 1 }
      open = 0
    }
    END {
      if (NR > 800) { print file ": " NR " lines (limit 800): which of its jobs is a file of its own?"; bad = 1 }
      exit bad
    }' "$file" || bad=1
done; exit "${bad:-0}"; }
