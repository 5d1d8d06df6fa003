#!/usr/bin/env bash
# usage: install.sh BUILD PREFIX LIBDIR   `meson install` into an empty folder gives what tests/golden/installed.txt lists
# (AIRCHECK_UPDATE_GOLDEN=1 writes it anew), and that tree works: elements, programs, the example, links of the documents.
set -euo pipefail
build=$1 prefix=$2 libdir=$3
root=${AIRCHECK_TEST_SOURCE_ROOT:?run the test through meson}
work=$(mktemp -d "${TMPDIR:-/tmp}/aircheck-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
tree=$work/tree$prefix
fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

meson install -C "$build" --no-rebuild --destdir "$work/tree" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
# The page's bundles have a hash in their names.
(cd "$tree" && find . -type f | sed -E "s#^\./##; s#^$libdir/#LIBDIR/#; s#(assets/[a-z]+)-[A-Za-z0-9_-]+\.#\1-HASH.#") |
  LC_ALL=C sort >"$work/files"
if [ "${AIRCHECK_UPDATE_GOLDEN:-}" = 1 ]; then
  cp "$work/files" "$root/tests/golden/installed.txt"
else
  diff "$root/tests/golden/installed.txt" "$work/files" || fail 'other files are installed than tests/golden/installed.txt lists'
fi

# No page links to what is not there.
while IFS=: read -r page link; do
  [[ $link == *://* || $link == '#'* ]] || [ -e "$(dirname "$page")/${link%%#*}" ] ||
    fail "${page#"$tree"/} links to $link, which is not installed"
done < <(grep -roE --include='*.md' '\]\([^)]+\)' "$tree/share/doc" | sed 's/:\](\(.*\))$/:\1/')

# The programs look for each other, the page and the descriptions where these are now.
for program in bin/aircheckd libexec/aircheck/aircheck-channel; do
  while read -r path; do
    [ -e "$work/tree$path" ] || fail "$program wants $path, which is not installed"
  done < <(grep -aoE "$prefix/(share|libexec)/aircheck[a-z/-]*" "$tree/$program" | sort -u)
done

unset GST_PLUGIN_PATH LD_LIBRARY_PATH
export GST_PLUGIN_PATH=$tree/$libdir/gstreamer-1.0 GST_REGISTRY=$work/registry
for golden in "$root"/tests/golden/elements/*.txt; do
  element=$(basename "$golden" .txt)
  gst-inspect-1.0 "$element" >"$work/inspect" 2>&1 || fail "$element is not among the installed elements"
  grep -qE "Filename +$GST_PLUGIN_PATH/" "$work/inspect" || fail "$element comes from elsewhere: $(grep Filename "$work/inspect")"
done
"$tree/bin/aircheckd" --version | grep -q '^aircheckd ' || fail 'aircheckd tells no version'
AIRCHECK_PIPELINE_DIR=$tree/share/aircheck/pipelines "$tree/libexec/aircheck/aircheck-channel" --check \
  "$tree/share/aircheck/pipelines/simlive.pipeline" || fail 'aircheck-channel refuses the installed description'

# The example, built as its first lines say.
read -ra flags < <(pkg-config --cflags --libs gstreamer-1.0)
"${CC:-cc}" "$tree/share/doc/aircheck/examples/record_and_replay.c" "${flags[@]}" -o "$work/example"
"$root/tests/docs/example.sh" "$work/example"
mkdir "$work/archive" && "$work/example" "$work/archive" >"$work/log"
"$tree/bin/aircheck-inspect" "$work/archive/ch1-20260225143000.m4s" | grep -q 11223344556677889900aabbccddeeff ||
  fail 'aircheck-inspect does not tell the key id of a segment'
