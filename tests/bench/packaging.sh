#!/usr/bin/env bash
# Packaging with encryption against shaka-packager; the processor time of a simlive channel against ffmpeg; the first
# segment after start; the live playlist under load against nginx serving the same bytes.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

KID=11223344556677889900aabbccddeeff
KEY=00112233445566778899aabbccddeeff
PACKAGER=$(find "$ROOT/tests/e2e/node_modules/shaka-packager" -name 'packager-linux*' -type f 2>/dev/null | head -n 1)
if [ -z "$PACKAGER" ]; then
  npm ci --prefix "$ROOT/tests/e2e" --silent >&2
  PACKAGER=$(find "$ROOT/tests/e2e/node_modules/shaka-packager" -name 'packager-linux*' -type f | head -n 1)
fi
chmod +x "$PACKAGER" 2>/dev/null || true

package_ours() {
  rm -rf "$WORK/ours" && mkdir -p "$WORK/ours"
  gst-launch-1.0 -q filesrc location="$1" ! qtdemux name=d \
    d.video_0 ! queue ! h264parse ! cencenc key-id=$KID key=$KEY ! sink.video \
    d.audio_0 ! queue ! aacparse ! cencenc key-id=$KID key=$KEY ! sink.audio \
    strftimefmp4sink name=sink fsync=none location="$WORK/ours/ch1-%Y%m%d%H%M%S.m4s" playlist-location="$WORK/ours/ch1.m3u8" \
    target-duration=6 start-utc=2026-02-25T14:30:00Z
}

package_peer() {
  rm -rf "$WORK/peer" && mkdir -p "$WORK/peer"
  "$PACKAGER" "in=$1,stream=video,init_segment=$WORK/peer/v_i.mp4,segment_template=$WORK/peer/v_\$Number\$.m4s,playlist_name=v.m3u8" \
    "in=$1,stream=audio,init_segment=$WORK/peer/a_i.mp4,segment_template=$WORK/peer/a_\$Number\$.m4s,playlist_name=a.m3u8" \
    --enable_raw_key_encryption --keys label=:key_id=$KID:key=$KEY --protection_scheme cenc --clear_lead 0 \
    --segment_duration 6 --protection_systems Common --hls_master_playlist_output "$WORK/peer/master.m3u8"
}

bench_packaging() {
  local film i ours=() peer=() cpu_ours=() cpu_peer=()
  film=$(film_1080p 60)
  package_ours "$film" >/dev/null 2>&1 # the registry and the page cache are warm for both
  package_peer "$film" >/dev/null 2>&1
  for ((i = 0; i < RUNS; i++)); do
    read -r a b < <(both package_ours "$film")
    ours+=("$a") cpu_ours+=("$b")
    read -r a b < <(both package_peer "$film")
    peer+=("$a") cpu_peer+=("$b")
  done
  result packaging-60s-1080p-encrypted "$(printf '%s\n' "${ours[@]}" | median)" s shaka-packager \
    "$(printf '%s\n' "${peer[@]}" | median)" 1.0
  result packaging-60s-1080p-encrypted-cpu "$(printf '%s\n' "${cpu_ours[@]}" | median)" s shaka-packager \
    "$(printf '%s\n' "${cpu_peer[@]}" | median)" 1.0
}

bench_packaging
