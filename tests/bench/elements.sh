#!/usr/bin/env bash
# The elements by themselves: packaging with encryption of a long film against shaka-packager and against what its bytes
# cost at least, the memory of a passthrough channel over an hour of media, and what a cut costs.
# AIRCHECK_BENCH_PARTS names some of them: packaging, floor, memory, cut.
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/bench/packager.sh
. "$here/packager.sh"
require_optimised

# long_film NAME SECONDS FORMAT: the film of 60 s, again and again.
long_film() {
  local path=$WORK/$1.$3 once
  [ -f "$path" ] || {
    once=$(film film-1080p-60s 1920x1080 60 6)
    timeout 300 ffmpeg -nostdin -v error -y -stream_loop $(($2 / 60 - 1)) -i "$once" -c copy -f "${3/#ts/mpegts}" "$path.part" >&2 ||
      fail "ffmpeg could not make $path"
    mv "$path.part" "$path"
  }
  printf '%s' "$path"
}

# ---- packaging: 10 minutes of 1080p -----------------------------------------------------------------------------------

bench_packaging() {
  local film scheme goal i wall cpu
  film=$(long_film film-1080p-10min 600 mp4)
  find_packager
  for scheme in cenc cbcs; do
    local ours=() parsed=() queued=() synced=() peer=() cpu_ours=() cpu_peer=()
    package_ours "$film" none "$scheme" >/dev/null # the registry and the page cache are warm for both
    package_peer "$film" "$scheme" >/dev/null
    for ((i = 0; i < RUNS; i++)); do
      read -r wall cpu < <(package_ours "$film" none "$scheme")
      ours+=("$wall") cpu_ours+=("$cpu")
      read -r wall cpu < <(package_peer "$film" "$scheme")
      peer+=("$wall") cpu_peer+=("$cpu")
      read -r wall cpu < <(package_ours "$film" none "$scheme" 6 parsers)
      parsed+=("$wall")
      read -r wall cpu < <(package_ours "$film" none "$scheme" 6 queues)
      queued+=("$wall")
      read -r wall cpu < <(package_ours "$film" file "$scheme")
      synced+=("$wall")
    done
    # Three times as fast is the goal for cenc where neither syncs; shaka-packager never does. In cbcs it encrypts a
    # tenth of the bytes and is as quick as we are asked to be at least.
    goal=0.333
    [ "$scheme" = cenc ] || goal=1.0
    result "packaging-10min-1080p-$scheme-fsync-none" "$(median_of "${ours[@]}")" s shaka-packager "$(median_of "${peer[@]}")" "$goal"
    # With parsers, which an MP4 file does not need and which copy each sample; and with a thread for each track besides,
    # as a live line has it: what a wake-up for each of 43,000 samples costs.
    result "packaging-10min-1080p-$scheme-parsers" "$(median_of "${parsed[@]}")" s shaka-packager "$(median_of "${peer[@]}")" 1.0
    result "packaging-10min-1080p-$scheme-queues" "$(median_of "${queued[@]}")" s shaka-packager "$(median_of "${peer[@]}")" 1.0
    result "packaging-10min-1080p-$scheme-cpu" "$(median_of "${cpu_ours[@]}")" s shaka-packager "$(median_of "${cpu_peer[@]}")" 1.0
    result "packaging-10min-1080p-$scheme-fsync-file" "$(median_of "${synced[@]}")" s shaka-packager "$(median_of "${peer[@]}")" 1.0
  done
}

# ---- floor: the same bytes copied by cp, and encrypted at the speed that openssl measures -----------------------------

openssl_bytes_per_second() {
  openssl speed -elapsed -seconds 2 -bytes 16384 -evp aes-128-ctr 2>/dev/null | awk '/^AES-128-CTR/ { print $2 * 1000 }'
}

bench_floor() {
  local film i wall cpu size ours=() copied=()
  film=$(long_film film-1080p-10min 600 mp4)
  package_ours "$film" none >/dev/null
  for ((i = 0; i < RUNS; i++)); do
    read -r wall cpu < <(package_ours "$film" none)
    ours+=("$wall")
    rm -f "$WORK/copy.mp4"
    begin_alike ours
    read -r wall cpu < <(timed 60 cp cp "$film" "$WORK/copy.mp4")
    copied+=("$wall")
  done
  size=$(stat -c %s "$film")
  rm -f "$WORK/copy.mp4"
  # How far from the bytes alone: what is left is 43,000 samples that go one by one through demuxer, parser, cipher and
  # muxer. The goal is ours.
  result packaging-10min-1080p-beside-cp-and-aes "$(median_of "${ours[@]}")" s cp+openssl-speed \
    "$(awk -v copy="$(median_of "${copied[@]}")" -v size="$size" -v rate="$(openssl_bytes_per_second)" \
      'BEGIN { print copy + size / rate }')" 5
}

# ---- memory: a passthrough channel, by the clock and an hour as fast as it goes ------------------------------------------------

resident_mib() { awk '/^VmRSS/ { print $2 / 1024 }' "/proc/$1/status" 2>/dev/null; }
written() { find "$WORK/channel" -name '*.m4s' | wc -l; }

# start_channel [ELEMENT ...]: sets CHANNEL_PID. The elements stand before each cipher.
start_channel() {
  rm -rf "$WORK/channel" && mkdir -p "$WORK/channel"
  gst-launch-1.0 -q filesrc location="$film" ! tsdemux name=d \
    d. ! queue ! h264parse "$@" ! cencenc key-id=$KID key=$KEY ! sink.video \
    d. ! queue ! aacparse "$@" ! cencenc key-id=$KID key=$KEY ! sink.audio \
    strftimefmp4sink name=sink fsync=none location="$WORK/channel/ch1-%Y%m%d%H%M%S.m4s" \
    playlist-location="$WORK/channel/ch1.m3u8" playlist-length=10 start-utc=2026-02-25T14:30:00Z >"$WORK/channel.log" 2>&1 &
  CHANNEL_PID=$!
  at_exit "$CHANNEL_PID"
}

bench_memory() {
  local film early=0 last=0 most=0 now
  film=$(long_film film-1080p-60min 3600 ts)
  # By the clock, as a channel runs: its queue to the disk is empty but for a moment.
  start_channel ! identity sync=true
  for ((i = 0; i < 200; i++)); do
    now=$(resident_mib "$CHANNEL_PID")
    most=$(awk -v a="$most" -v b="$now" 'BEGIN { print (a > b ? a : b) }')
    sleep 0.2
  done
  [ "$(written)" -ge 5 ] || fail "40 s gave $(written) segments only: $(tail -n 5 "$WORK/channel.log")"
  kill "$CHANNEL_PID" && { wait "$CHANNEL_PID" 2>/dev/null || true; }
  result passthrough-1080p-resident-most "$most" MiB - - 32
  # An hour as fast as it goes, which fills the queue.
  start_channel
  while now=$(resident_mib "$CHANNEL_PID") && [ -n "$now" ]; do
    [ "$early" != 0 ] || [ "$(written)" -lt 100 ] || early=$now
    last=$now
    sleep 0.2
  done
  wait "$CHANNEL_PID" || fail "the channel ended with $?: $(tail -n 5 "$WORK/channel.log")"
  [ "$(written)" -ge 590 ] || fail "an hour gave $(written) segments only"
  rm -rf "$WORK/channel"
  result passthrough-1080p-resident-growth-from-10-to-60-min "$(awk -v a="$early" -v b="$last" 'BEGIN { print b - a }')" MiB - - 2
}

# ---- cut: the same film in segments of 2 s and of 60 s ---------------------------------------------------------------

# In instructions of the process, which callgrind counts: a cut takes less processor time than two runs of the same differ
# by. What the kernel does for it, two files that are made, written and renamed, is not in it.
instructions_of() { # FILM TARGET
  local counted
  # shellcheck disable=SC2034  # read by package_ours
  local under=(valgrind --tool=callgrind --callgrind-out-file=/dev/null)
  package_ours "$1" none cenc "$2" >/dev/null
  counted=$(sed -n 's/.*Collected : //p' "$WORK/timed.log")
  [ -n "$counted" ] || fail "callgrind counted nothing: $(tail -n 3 "$WORK/timed.log")"
  printf '%s' "$counted"
}

bench_cut() {
  local film many few
  film=$(film film-180p-60s 320x180 60 1)
  package_ours "$film" none >/dev/null # the registry is there
  many=$(instructions_of "$film" 2)
  few=$(instructions_of "$film" 60)
  result segment-cut-instructions "$(((many - few) / 29))" instructions - - 500000
}

for part in ${AIRCHECK_BENCH_PARTS:-packaging floor memory cut}; do
  case $part in
    packaging | floor | memory | cut) "bench_$part" ;;
    *) fail "AIRCHECK_BENCH_PARTS: there is no part '$part'; there are packaging, floor, memory and cut" ;;
  esac
done
