#!/usr/bin/env bash
# The playlist of two hours out of a week of 6 s segments (100,800 files), from a flat folder and from one with dated
# folders: the time from PLAYING to the end of the stream, warm; with AIRCHECK_BENCH_COLD=1, as root, cold too.
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"
require_optimised

PROGRAM=$BUILD/tests/bench/bench-catchup
FILES=100800
[ -x "$PROGRAM" ] || fail "$PROGRAM is missing: ./dev bench builds it"

# measure NAME LOCATION GOAL_MS
measure() {
  local folder=$WORK/catchup-$1 location=$WORK/catchup-$1/$2
  if [ ! -f "$folder/made" ]; then
    rm -rf "$folder" && mkdir -p "$folder"
    timeout 300 "$PROGRAM" make "$location" "$FILES" 6 || fail "the segments could not be written"
    touch "$folder/made"
  fi
  local window=("$location" 2026-02-27T18:00:00Z 2026-02-27T20:00:00Z)
  timeout 60 "$PROGRAM" time "${window[@]}" 3 >/dev/null || fail "no playlist came"
  local warm
  warm=$(timeout 120 "$PROGRAM" time "${window[@]}" $((RUNS * 10)) | median) || fail "no playlist came"
  result "catchup-playlist-2h-of-100800-files-$1-warm" "$warm" ms - - "$3"
  # Drops the caches of the whole machine; a cold figure is that of the disk, so that it has no goal but a minute.
  if [ "${AIRCHECK_BENCH_COLD:-}" = 1 ]; then
    sync
    echo 3 >/proc/sys/vm/drop_caches || fail 'AIRCHECK_BENCH_COLD: only root may drop the caches'
    result "catchup-playlist-2h-of-100800-files-$1-cold" "$(timeout 120 "$PROGRAM" time "${window[@]}" 1)" ms - - 60000
  fi
}

measure flat 'ch1-%Y%m%d%H%M%S.m4s' 40
measure dated '%Y/%m/%d/ch1-%Y%m%d%H%M%S.m4s' 10
