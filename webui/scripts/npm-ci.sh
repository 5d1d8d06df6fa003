#!/bin/sh
# usage: npm-ci.sh STAMP PACKAGE_JSON PACKAGE_LOCK
# Installs exactly what the lock file says beside STAMP, unless that is what already stands there.
# Packages' install scripts do not run: none of ours needs them.
set -eu
stamp=$(realpath -m "$1")
folder=$(dirname "$stamp")
mkdir -p "$folder"
if [ -f "$stamp" ] && cmp -s "$3" "$folder/package-lock.json" && cmp -s "$2" "$folder/package.json"; then
  touch "$stamp"
  exit 0
fi
cp "$2" "$folder/package.json"
cp "$3" "$folder/package-lock.json"
cd "$folder"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
touch "$stamp"
