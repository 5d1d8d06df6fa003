#!/usr/bin/env bash
# usage: folders.sh ROOT   The folder map: nothing stands outside the folders that ARCHITECTURE.md names.
set -euo pipefail
cd "$1"
bad=0
allowed='^(meson\.build|meson_options\.txt|README\.md|ARCHITECTURE\.md|CONTRIBUTING\.md|CHANGELOG\.md|LICENSE|dev|\.ci/run|\.clang-format|\.clang-tidy|\.gitignore|plugins/(meson\.build|(core|gobj|gstx|catchup|cenc|drawtext|fmp4)/.*)|daemon/(meson\.build|main\.cpp|(base|store|control|channels|timeshift|access|schedule|http|operations|worker)/.*)|pipelines/.*|examples/.*|schemas/.*|webui/.*|data/.*|tests/(meson\.build|(support|golden|core|gobj|gstx|catchup|cenc|docs|drawtext|fmp4|daemon|e2e|fuzz|bench|soak|lint)/.*)|subprojects/.*\.wrap)$'
while read -r file; do
  [[ $file =~ $allowed ]] || { printf '%s: stands outside the folder map\n' "$file"; bad=1; }
done < <(git ls-files --cached --others --exclude-standard)
for needed in README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md LICENSE dev .ci/run; do
  [ -e "$needed" ] || { printf '%s is missing\n' "$needed"; bad=1; }
done
for plugin in plugins/catchup plugins/cenc plugins/drawtext plugins/fmp4 pipelines; do
  [ -e "$plugin/README.md" ] || { printf '%s/README.md is missing\n' "$plugin"; bad=1; }
done
exit "$bad"
