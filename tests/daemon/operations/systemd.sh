#!/usr/bin/env bash
# usage: systemd.sh ROOT BUILD   systemd's own reader takes the unit, and rates how much it is shut in.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The program has to exist where the unit says; here it is in the build folder.
sed "s|/usr/bin/aircheckd|$2/daemon/aircheckd|" "$1/data/systemd/aircheckd.service" >"$work/aircheckd.service"
said=$(systemd-analyze verify --man=no "$work/aircheckd.service" 2>&1 | grep aircheckd.service || true)
[ -z "$said" ] || { printf '%s\n' "$said"; exit 1; }
# 10 is a service without any protection; the threshold is in tenths.
systemd-analyze security --offline=yes --threshold=20 --no-pager "$work/aircheckd.service" | tail -1
sed 's/^ProtectSystem=strict/ProtectSistem=strict/' "$work/aircheckd.service" >"$work/wrong.service"
systemd-analyze verify --man=no "$work/wrong.service" 2>&1 | grep -q ProtectSistem ||
  { echo 'systemd-analyze takes a unit that it must refuse'; exit 1; }
