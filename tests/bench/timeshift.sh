#!/usr/bin/env bash
# The time-shift core at the size of a station: 20 channels, 7 days, segments of 6 s, two million rows.
# AIRCHECK_BENCH_PARTS names some of its parts: playlists, length, rescan, segments, aes, retention.
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/bench/station.sh
. "$here/station.sh"
# shellcheck source=tests/bench/nginx.sh
. "$here/nginx.sh"
require_optimised

TITLE=Bench
CHANNELS=${AIRCHECK_BENCH_CHANNELS:-20}
DAYS=${AIRCHECK_BENCH_DAYS:-7}
RATE=1000       # requests a second
SECONDS_OF=${AIRCHECK_BENCH_LOAD:-5}
TOOLS=$BUILD/tests/bench

# make_channels NAME FILES WINDOW_HOURS [KEY DAYS] ...: a station with these channels and archives, not running. Sets
# ARCHIVE_END, the end of their last segment in epoch seconds, and EMPTY_KIB, what the daemon takes without them.
make_channels() {
  local name=$1 files=$2 hours=$3 key number=0 body archives=() row
  shift 3
  station_up "$name" 6
  while [ $# -gt 0 ]; do
    key=$1 number=$((number + 1))
    body=$(call POST /api/v1/admin/channels "{\"cdn_channel_key\":\"$key\",\"number\":$number,\"name\":\"$key\",\"cutv_window_hours\":$hours}")
    archives+=("$(field id <<<"$body")" "$key" "$2")
    shift 2
  done
  station_down
  station_run "$name" 6 # so that its guide is the one that the full station has
  EMPTY_KIB=$(memory_kib VmRSS)
  station_down
  row=$(timeout 600 "$TOOLS/bench-timeshift-archive" "$STATION_DIR/state" "$files" "${archives[@]}") || fail 'no archive'
  ARCHIVE_ROWS=${row% *} ARCHIVE_END=${row#* }
}

memory_kib() { awk -v field="$1:" '$1 == field { print $2 }' "/proc/$STATION_PID/status"; }

# media_url KEY KIND START [END]: a media playlist as a player gets its address, with its token.
media_url() {
  local query="kind=$2&start=$3${4:+&end=$4}"
  printf '%s/hls/%s/%s\n' "$STATION_URL" "$1" "$(call GET "/hls/$1/index.m3u8?$query" | grep -v '^#' | tail -n 1)"
}

# open_loop URL_FILE [HEADER]: p50, p99 and highest latency in ms, requests/s reached, bytes of an answer
open_loop() { timeout 200 "$TOOLS/bench-open-loop" "$RATE" "$SECONDS_OF" 100 "$@" || fail "the load on $1 failed"; }

# same_as_file URL NAME: nginx's address of the same bytes
same_as_file() {
  curl -sf -m 20 "$1" >"$WORK/nginx/www/$2" || fail "no answer: $1"
  printf '%s/%s' "$NGINX_URL" "$2"
}

# open_against NAME URL_FILE PEER_URL GOAL_MS [HEADER]
open_against() {
  local i figures mine=() peer=() reached=()
  printf '%s\n' "$3" >"$WORK/peer.urls"
  for ((i = 0; i < RUNS; i++)); do
    read -r -a figures < <(open_loop "$2" "${@:5}")
    mine+=("${figures[1]}") reached+=("${figures[3]}")
    read -r -a figures < <(open_loop "$WORK/peer.urls" "${@:5}")
    peer+=("${figures[1]}")
  done
  result "$1-p99-open-loop-$RATE-per-s" "$(median_of "${mine[@]}")" ms - - "$4"
  result "$1-p99-open-loop-against-nginx" "$(median_of "${mine[@]}")" ms nginx "$(median_of "${peer[@]}")" 10
  result "$1-rate-reached" "$(median_of "${reached[@]}")" requests/s - - $((RATE * 98 / 100)) more
}

# closed_against NAME URL PEER_URL [wrk option ...]
closed_against() {
  local i p99 rate mine99=() mine=() peer99=() peer=()
  for ((i = 0; i < RUNS; i++)); do
    read -r _ p99 rate < <(load "$2" "${@:4}")
    mine99+=("$p99") mine+=("$rate")
    read -r _ p99 rate < <(load "$3" "${@:4}")
    peer99+=("$p99") peer+=("$rate")
  done
  result "$1-p99-closed-loop" "$(median_of "${mine99[@]}")" ms nginx "$(median_of "${peer99[@]}")" 1.2
  result "$1-rate-closed-loop" "$(median_of "${mine[@]}")" requests/s nginx "$(median_of "${peer[@]}")" 0.8 more
}

# ---- playlists: out of the whole archive -----------------------------------------------------------------------------

bench_playlists() {
  local archives=() i name url start ready=()
  for ((i = 1; i <= CHANNELS; i++)); do archives+=("ch$i" "$DAYS"); done
  make_channels timeshift index 720 "${archives[@]}"
  result index-rows "$ARCHIVE_ROWS" rows - - $((CHANNELS * DAYS * 14000)) more
  for ((i = 0; i < RUNS; i++)); do
    station_run timeshift 6
    ready+=("$STATION_READY")
    [ "$i" = $((RUNS - 1)) ] || station_down
  done
  result ready-with-the-index "$(median_of "${ready[@]}")" s - - 3
  result memory-above-empty "$(awk -v full="$(memory_kib VmRSS)" -v empty="$EMPTY_KIB" 'BEGIN { print (full - empty) / 1024 }')" MiB - - 150
  result memory-peak-above-empty "$(awk -v full="$(memory_kib VmHWM)" -v empty="$EMPTY_KIB" 'BEGIN { print (full - empty) / 1024 }')" MiB - - 300
  start_nginx
  start=$((ARCHIVE_END - 86400 - 7200))
  media_url ch1 catchup "$start" $((start + 7200)) >"$WORK/catchup.urls"
  media_url ch1 startover $((ARCHIVE_END - 7200)) $((ARCHIVE_END + 1800)) >"$WORK/startover.urls"
  for name in catchup startover; do
    url=$(<"$WORK/$name.urls")
    open_against "$name-2h" "$WORK/$name.urls" "$(same_as_file "$url" "$name.m3u8")" 3
    closed_against "$name-2h" "$url" "$NGINX_URL/$name.m3u8"
  done
  # A hundred windows on all channels: nobody asks for what another one had.
  for ((i = 0; i < 100; i++)); do
    media_url "ch$((1 + i % CHANNELS))" catchup $((start - 1800 * i)) $((start - 1800 * i + 7200))
  done >"$WORK/many.urls"
  SECONDS_OF=1 open_loop "$WORK/many.urls" >/dev/null # what the first answer of each takes: part length
  open_against catchup-2h-100-windows "$WORK/many.urls" "$NGINX_URL/catchup.m3u8" 3
  bench_gzip
  result memory-above-empty-after-load "$(awk -v full="$(memory_kib VmRSS)" -v empty="$EMPTY_KIB" 'BEGIN { print (full - empty) / 1024 }')" MiB - - 250
  station_down
}

# gzip -1 is what nginx does by default, for each answer.
bench_gzip() {
  local url peer
  url=$(<"$WORK/catchup.urls") peer=$NGINX_URL/catchup.m3u8
  open_against catchup-2h-gzip "$WORK/catchup.urls" "$peer" 3 'Accept-Encoding: gzip'
  closed_against catchup-2h-gzip "$url" "$peer" -H 'Accept-Encoding: gzip'
}

# ---- length: the same playlist out of 1, 7 and 30 days --------------------------------------------------------------------

bench_length() {
  local days url start figures i one=1 value values=()
  make_channels length index 720 d1 1 d7 7 d30 30
  station_run length 6
  start=$((ARCHIVE_END - 36000))
  for days in 1 7 30; do
    # Another window for each request: what is measured is the search and the text, not a cache.
    url=$(media_url "d$days" catchup "$start" $((start + 7200)))
    for ((i = 0; i < 1000; i++)); do printf '%s\n' "${url/start=$start/start=$((start + i))}"; done >"$WORK/d$days.urls"
    values=()
    for ((i = 0; i < RUNS; i++)); do
      read -r -a figures < <(RATE=200 open_loop "$WORK/d$days.urls")
      values+=("${figures[0]}")
    done
    value=$(median_of "${values[@]}")
    [ "$days" != 1 ] || one=$value
    result "catchup-2h-p50-of-$days-days-uncached" "$value" ms 1-day "$one" 1.25
  done
  station_down
}

# ---- rescan: one channel's 100,800 files without an index -----------------------------------------------------------------

bench_rescan() {
  make_channels rescan files 720 ch1 7
  station_run rescan 6
  result rescan-100800-files "$STATION_READY" s - - 30
  station_down
}

# ---- segments and aes: real segments of a channel that was on air ---------------------------------------------------------

has_whole_segment() { [ -d "$1" ] && [ -n "$(find "$1" -name '*.m4s' -size +300k)" ]; }

segments_up() {
  local film folder
  [ -z "${SEGMENTS_UP:-}" ] || return 0
  film=$(film film-360p-30s 640x360 30 2)
  station_up segments 6
  channel_on_air "$film"
  folder=$STATION_DIR/state/segments/bench
  wait_for 60 'a whole segment' has_whole_segment "$folder"
  call POST /api/v1/admin/simlive/bench/stop >/dev/null
  SEGMENT=$(basename "$(find "$folder" -name '*.m4s' -size +300k | sort | head -n 1)")
  INIT=$(basename "$(find "$folder" -name '*init*.mp4' | head -n 1)")
  [ -n "${NGINX_PID:-}" ] || start_nginx
  cp "$folder/$SEGMENT" "$WORK/nginx/www/"
  SEGMENTS_UP=yes
}

# MB/s of bodies over 100 connections, whose client throws them away; how busy it was goes to standard error.
discarded() {
  local figures
  printf '%s\n' "$1" >"$WORK/discard.urls"
  read -r -a figures < <(timeout 60 "$TOOLS/bench-closed-loop" "$SECONDS_OF" 100 "$WORK/discard.urls") || fail "the load on $1 failed"
  printf '%s: the client is busy for %s of the time\n' "$1" "${figures[2]}" >&2
  printf '%s\n' "${figures[0]}"
}

# The same with wrk, which reads them, 8 kB at a time.
read_by_wrk() {
  local rate size
  size=$(curl -sf "$1" | wc -c)
  read -r _ _ rate < <(load "$1")
  awk -v where="$1" -v seconds="$SECONDS_OF" '{ printf "%s: wrk is busy for %.2f of the time\n", where, ($1 + $2) / seconds }' "$WORK/wrk.time" >&2
  awk -v rate="$rate" -v size="$size" 'BEGIN { print rate * size / 1e6 }'
}

# throughput NAME FUNCTION PATH GOAL: MB/s that FUNCTION measures, against the segment from nginx
throughput() {
  local i mine=() peer=()
  for ((i = 0; i < RUNS; i++)); do
    mine+=("$("$2" "$STATION_URL/hls/bench/$3")")
    peer+=("$("$2" "$NGINX_URL/$SEGMENT")")
  done
  result "$1" "$(median_of "${mine[@]}")" MB/s nginx "$(median_of "${peer[@]}")" "$4" more
}

bench_segments() {
  segments_up
  throughput segments-100-connections discarded "$SEGMENT" 1.0
  # wrk is busy nearly all the time here, longer than either server: the figure is its own. What nginx sends are the
  # same pages of one file again and again, which stay in the cache of wrk's core; what we send comes from another core.
  throughput segments-100-connections-read-by-wrk read_by_wrk "$SEGMENT" 1.0
}

bench_aes() {
  local folder i mine=() peer=()
  segments_up
  folder=$STATION_DIR/state/segments/bench
  for ((i = 0; i < RUNS; i++)); do
    mine+=("$("$TOOLS/bench-aes-speed" "$folder/$INIT" "$folder/$SEGMENT" 2)")
    # The last column of the largest blocks, in kB/s.
    peer+=("$(openssl speed -seconds 2 -bytes 1048576 -evp aes-128-cbc 2>/dev/null | awk '/^AES-128-CBC/ { sub("k", "", $2); print $2 / 1000 }')")
  done
  result aes-128-in-memory "$(median_of "${mine[@]}")" MB/s openssl-speed-aes-128-cbc "$(median_of "${peer[@]}")" 0.5 more
  throughput aes-128-over-http discarded "aes/$SEGMENT" 0.5
}

# ---- retention: 100,000 files go while a playlist is asked for --------------------------------------------------------------

bench_retention() {
  local url figures
  make_channels retention both 1 ch1 7
  station_run retention 6
  url=$(media_url ch1 startover $((ARCHIVE_END - 1800)))
  printf '%s\n' "$url" >"$WORK/retention.urls"
  # Retention begins when the station is ready: the load falls into it.
  read -r -a figures < <(RATE=200 SECONDS_OF=20 open_loop "$WORK/retention.urls")
  result retention-longest-playlist-answer "${figures[2]}" ms - - 20
  wait_for 120 'the end of retention' grep -q 'segments .* deleted: nothing lists them' "$STATION_DIR/log"
  result retention-files-deleted "$(sed -n 's/.* \([0-9]*\) segments .* deleted: nothing lists them.*/\1/p' "$STATION_DIR/log" | head -n 1)" files - - 99000 more
  station_down
}

for part in ${AIRCHECK_BENCH_PARTS:-playlists length rescan segments aes retention}; do
  case $part in
    playlists | length | rescan | segments | aes | retention) "bench_$part" ;;
    *) fail "AIRCHECK_BENCH_PARTS: there is no part '$part'; there are playlists, length, rescan, segments, aes and retention" ;;
  esac
done
