#!/usr/bin/env bash
# usage: includes.sh ROOT   Holds every #include of plugins/ and daemon/ against include-table.txt.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cd "$1"
find plugins daemon \( -name '*.cpp' -o -name '*.hpp' \) -print | LC_ALL=C sort |
  xargs grep -Hn '^[[:space:]]*#[[:space:]]*include' | awk -v table="$here/include-table.txt" '
  BEGIN {
    while ((getline line < table) > 0) {
      if (line ~ /^#/ || line !~ /:/) continue
      ring = line; sub(/[ \t]*:.*/, "", ring)
      allowed = line; sub(/^[^:]*:/, "", allowed)
      may[ring] = " " allowed " "
      name = ring; sub(/^.*\//, "", name)
      if (ring ~ /^(plugins|daemon)\/[a-z]+$/) rings[name] = 1
    }
    if (length(may) == 0) { print "the include table is empty"; exit 1 }
  }
  {
    split($0, part, ":")
    file = part[1]; number = part[2]
    text = $0; sub(/^[^:]*:[^:]*:/, "", text)
    owner = ""
    if (file in may) owner = file
    else { split(file, folder, "/"); owner = folder[1] "/" folder[2] }
    if (!(owner in may)) { print file ": its folder is not in the include table"; bad = 1; next }
    self = owner; sub(/^.*\//, "", self)
    target = text; sub(/^[^<"]*[<"]/, "", target); sub(/[>"].*$/, "", target)
    want = ""
    if (text ~ /"/) {
      want = target; sub(/\/.*$/, "", want)
      if (target !~ /\//) { want = self }  # generated beside the source
    } else if (target ~ /\// && (substr(target, 1, index(target, "/") - 1) in rings)) {
      want = substr(target, 1, index(target, "/") - 1)  # ours, whatever the brackets
    } else if (target ~ /^gst\//) want = "gst"
    else if (target ~ /^libsoup\//) want = "soup"
    else if (target == "microhttpd.h") want = "microhttpd"
    else if (target == "sqlite3.h") want = "sqlite"
    else if (target ~ /^(glib|gio|gobject|glib-object|gio-unix|gmodule|json-glib)/) want = "glib"
    if (want == "" || want == self) next
    if (index(may[owner], " " want " ") == 0) {
      print file ":" number ": " owner " may not include " target " (" want " is not in its line of the include table)"
      bad = 1
    }
  }
  END { exit bad }'
