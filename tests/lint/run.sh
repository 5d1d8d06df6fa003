#!/usr/bin/env bash
# usage: run.sh ROOT   All checks over the tree; each check must also refuse its fixture, so that none can go blind.
set -euo pipefail
root=$(readlink -f "$1")
here=$root/tests/lint
failed=0

check() {
  if output=$("$here/$1.sh" "$root" 2>&1); then
    printf 'lint: %s: good\n' "$1"
  else
    printf '%s\nlint: %s: refused\n' "$output" "$1"
    failed=1
  fi
}

must_refuse() {  # must_refuse CHECK TEXT: the fixture fails, and for this reason
  local output
  if output=$("$here/$1.sh" "$here/fixtures/$1" 2>&1); then
    printf 'lint: %s takes its fixture, which it must refuse\n' "$1"
    failed=1
  elif ! grep -qF -- "$2" <<<"$output"; then
    printf 'lint: %s refuses its fixture for another reason than "%s":\n%s\n' "$1" "$2" "$output"
    failed=1
  fi
}

must_refuse includes 'daemon/schedule may not include libsoup/soup.h'
must_refuse includes 'plugins/core may not include glib.h'
must_refuse includes 'daemon/schedule may not include http/router.hpp'
must_refuse includes 'daemon/schedule may not include http/server.hpp'
must_refuse includes 'daemon/schedule may not include sqlite3.h'
must_refuse includes 'plugins/fmp4 may not include cenc/cencenc.hpp'
must_refuse includes 'daemon/surprise/bad.cpp: its folder is not in the include table'
must_refuse sizes 'a function of 90 lines'
must_refuse sizes '801 lines'
must_refuse words 'belongs into an issue'
must_refuse words 'commented-out code'
must_refuse words 'a skipped test proves nothing'
must_refuse words 'name what is used'
must_refuse folders 'daemon/surprise/bad.cpp: stands outside the folder map'
must_refuse folders 'ARCHITECTURE.md is missing'
must_refuse folders 'plugins/cenc/README.md is missing'
check includes
check sizes
check words
check folders

cd "$root"
if ! git ls-files --cached --others --exclude-standard '*.cpp' '*.hpp' | grep -v '^tests/lint/fixtures/' |
  xargs -r clang-format --dry-run --Werror 2>"${TMPDIR:-/tmp}/aircheck-format.$$"; then
  grep -m 10 'error:' "${TMPDIR:-/tmp}/aircheck-format.$$" || true
  printf 'lint: format: refused; ./dev format mends it\n'
  failed=1
fi
rm -f "${TMPDIR:-/tmp}/aircheck-format.$$"
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard '*.sh')
shellcheck -x -s bash dev .ci/run "${scripts[@]}" || failed=1
exit "$failed"
