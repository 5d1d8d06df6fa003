#!/usr/bin/env bash
# Packaging with encryption against shaka-packager; the processor time of a simlive channel against ffmpeg; the first
# segment after start; the live playlist under load against nginx serving the same bytes.
# AIRCHECK_BENCH_PARTS names some of them: files, simlive, start, playlist.
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/bench/station.sh
. "$here/station.sh"
# shellcheck source=tests/bench/packager.sh
. "$here/packager.sh"
# shellcheck source=tests/bench/nginx.sh
. "$here/nginx.sh"
require_optimised

TITLE=Bench

# ---- files: the 60 s film, encrypted, in 6 s segments ----------------------------------------------------------------

bench_files() {
  local film i wall cpu ours=() synced=() peer=() cpu_ours=() cpu_peer=()
  find_packager
  film=$(film film-1080p-60s 1920x1080 60 6)
  package_ours "$film" none >/dev/null # the registry and the page cache are warm for both
  package_peer "$film" >/dev/null
  for ((i = 0; i < RUNS; i++)); do
    read -r wall cpu < <(package_ours "$film" none)
    ours+=("$wall") cpu_ours+=("$cpu")
    read -r wall cpu < <(package_peer "$film")
    peer+=("$wall") cpu_peer+=("$cpu")
    read -r wall cpu < <(package_ours "$film" file)
    synced+=("$wall")
  done
  # shaka-packager does not sync its files, so that is the fair pair; ours does so by default.
  result packaging-60s-1080p-encrypted-fsync-none "$(median_of "${ours[@]}")" s shaka-packager "$(median_of "${peer[@]}")" 1.0
  result packaging-60s-1080p-encrypted-fsync-file "$(median_of "${synced[@]}")" s shaka-packager "$(median_of "${peer[@]}")" 1.0
  result packaging-60s-1080p-encrypted-cpu "$(median_of "${cpu_ours[@]}")" s shaka-packager "$(median_of "${cpu_peer[@]}")" 1.0
}

# ---- simlive: processor time of a channel on the air, per minute of programme ----------------------------------------

SPAN=${AIRCHECK_BENCH_SPAN:-20} # seconds of programme in each measurement
WARM_UP=8                       # both have caught up with the clock and filled their look-ahead

# The same work with ffmpeg: the loop, both texts, the same encoders, fMP4 HLS. Paced by the clock, as a channel is.
start_ffmpeg() { # FILM
  local box='font=Sans:fontsize=21:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=4'
  rm -rf "$WORK/ffmpeg" && mkdir -p "$WORK/ffmpeg"
  ffmpeg -nostdin -hide_banner -loglevel error -re -stream_loop -1 -i "$1" \
    -vf "drawtext=text='$TITLE':x=8:y=8:$box,drawtext=text='%{gmtime} UTC':x=w-tw-8:y=8:$box" \
    -c:v libx264 -preset veryfast -profile:v high -b:v 800k -maxrate 800k -bufsize 480k -g 150 -x264-params scenecut=0 \
    -force_key_frames 'expr:gte(t,n_forced*6)' -c:a aac -b:a 128k -ac 2 -ar 48000 \
    -f hls -hls_segment_type fmp4 -hls_time 6 -hls_list_size 6 "$WORK/ffmpeg/live.m3u8" >"$WORK/ffmpeg/log" 2>&1 &
  FFMPEG_PID=$!
  at_exit "$FFMPEG_PID"
}

# What x264 says of itself in its first picture: the encoders are told apart by nothing else.
x264_options() { grep -a -o -h 'x264 - core [^-]*.*options: [ -~]*' "$@" | head -n 1; }

# User and system seconds of a process and its threads so far.
cpu_seconds() {
  [ -r "/proc/$1/stat" ] || fail "process $1 has ended while it was measured"
  awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / tick }' "/proc/$1/stat"
}

span_of() { # PID: processor seconds for a minute of programme
  local before
  before=$(cpu_seconds "$1")
  sleep "$SPAN"
  awk -v before="$before" -v after="$(cpu_seconds "$1")" -v span="$SPAN" 'BEGIN { print (after - before) * 60 / span }'
}

bench_simlive() {
  local film i ours=() peer=() mine theirs
  film=$(film film-360p-30s 640x360 30 2)
  for ((i = 0; i < RUNS; i++)); do
    station_up simlive 6
    channel_on_air "$film"
    wait_for 30 'a segment of the channel' compgen -G "$STATION_DIR/state/segments/bench/*.m4s" >/dev/null
    sleep "$WARM_UP"
    ours+=("$(span_of "$(worker_pid)")")
    mine=$(x264_options "$STATION_DIR/state/segments/bench/"*.m4s)
    station_down
    start_ffmpeg "$film"
    wait_for 30 'a segment of ffmpeg' compgen -G "$WORK/ffmpeg/live*.m4s" >/dev/null
    sleep "$WARM_UP"
    peer+=("$(span_of "$FFMPEG_PID")")
    kill "$FFMPEG_PID" && { wait "$FFMPEG_PID" 2>/dev/null || true; }
    theirs=$(x264_options "$WORK/ffmpeg/"live*.m4s)
    [ "$mine" = "${theirs:-none}" ] || fail "x264 has other settings in the channel ($mine) than in ffmpeg ($theirs)"
  done
  result simlive-360p-cpu-per-minute "$(median_of "${ours[@]}")" s ffmpeg "$(median_of "${peer[@]}")" 1.0
}

# ---- start: from the request to the first segment in the live playlist -----------------------------------------------

TARGET=2          # s
ENCODER_LATENCY=1 # s: 17 pictures at 25 frames/s, rounded up

lists_a_segment() { curl -sf -m 5 -H "Authorization: Bearer $STATION_TOKEN" "$STATION_URL/hls/bench/main.m3u8?kind=live" | grep -q '^#EXTINF'; }

bench_start() {
  local film i begin values=()
  film=$(film film-360p-30s 640x360 30 2)
  for ((i = 0; i < RUNS; i++)); do
    station_up start "$TARGET"
    begin=$EPOCHREALTIME
    channel_on_air "$film"
    wait_for 30 'the first segment in the live playlist' lists_a_segment
    values+=("$(awk -v begin="$begin" -v end="$EPOCHREALTIME" 'BEGIN { print end - begin }')")
    station_down
  done
  result "first-segment-listed-after-start-target-${TARGET}s" "$(median_of "${values[@]}")" s - - $((TARGET + ENCODER_LATENCY + 1))
}

# ---- playlist: 100 connections on the live playlist, against nginx with the same bytes in a file ----------------------

bench_playlist() {
  local film url p50 p99 rate i mine50=() mine99=() mine=() peer50=() peer99=() peer=()
  film=$(film film-360p-30s 640x360 30 2)
  station_up playlist 6
  channel_on_air "$film"
  wait_for 30 'the first segment in the live playlist' lists_a_segment
  # As a player has it: the media playlist with the token of the multivariant one. The channel then goes off the air,
  # because its encoder would take processor time from both.
  url=$STATION_URL/hls/bench/$(call GET '/hls/bench/index.m3u8?kind=live' | grep -v '^#' | tail -n 1)
  call POST /api/v1/admin/simlive/bench/stop >/dev/null
  start_nginx
  curl -sf -m 10 "$url" >"$WORK/nginx/www/main.m3u8" || fail "the live playlist is not there: $url"
  for ((i = 0; i < RUNS; i++)); do
    read -r p50 p99 rate < <(load "$url")
    mine50+=("$p50") mine99+=("$p99") mine+=("$rate")
    read -r p50 p99 rate < <(load "$NGINX_URL/main.m3u8")
    peer50+=("$p50") peer99+=("$p99") peer+=("$rate")
  done
  station_down
  # nginx sends a file and decides nothing; we decide for each request and write the answer for its viewer. A tenth of
  # its speed is our goal; crowds are its job.
  result live-playlist-100-connections-p50 "$(median_of "${mine50[@]}")" ms nginx "$(median_of "${peer50[@]}")" 10
  result live-playlist-100-connections-p99 "$(median_of "${mine99[@]}")" ms nginx "$(median_of "${peer99[@]}")" 10
  result live-playlist-100-connections-rate "$(median_of "${mine[@]}")" requests/s nginx "$(median_of "${peer[@]}")" 0.1 more
}

for part in ${AIRCHECK_BENCH_PARTS:-files simlive start playlist}; do
  case $part in
    files | simlive | start | playlist) "bench_$part" ;;
    *) fail "AIRCHECK_BENCH_PARTS: there is no part '$part'; there are files, simlive, start and playlist" ;;
  esac
done
