# The same packaging by our elements and by shaka-packager: encrypted fMP4 and playlists from a film.
# shellcheck shell=bash

KID=11223344556677889900aabbccddeeff
KEY=00112233445566778899aabbccddeeff
under=() # a program that runs ours

find_packager() { # sets PACKAGER
  local machine=x64
  [ "$(uname -m)" != aarch64 ] || machine=arm64
  PACKAGER=$BUILD/tests/e2e/node_modules/shaka-packager/bin/packager-linux-$machine
  [ -f "$PACKAGER" ] || fail "$PACKAGER is missing: ./dev bench builds it (ninja -C build tests/e2e/modules.stamp)"
  chmod +x "$PACKAGER"
}

# begin_alike FOLDER: empty, and nothing of the run before still on its way to the disk, which would be paid for by the
# next one, whose it is not.
begin_alike() {
  rm -rf "$WORK/ours" "$WORK/peer" && mkdir -p "$WORK/$1"
  sync -f "$WORK"
}

# package_ours FILM FSYNC [SCHEME [TARGET [WITH]]]: wall-clock and processor seconds. WITH adds to the line what a file
# does not need: `parsers`, or `queues` (and parsers), a thread for each track as live lines have it.
package_ours() {
  local scheme=${3:-cenc} target=${4:-6} video=() audio=()
  case ${5:-} in
    parsers) video=(h264parse !) audio=(aacparse !) ;;
    queues) video=(queue ! h264parse !) audio=(queue ! aacparse !) ;;
  esac
  begin_alike ours
  timed 120 'packaging with gst-launch-1.0' "${under[@]}" gst-launch-1.0 -q filesrc location="$1" ! qtdemux name=d \
    d.video_0 ! "${video[@]}" cencenc scheme="$scheme" key-id=$KID key=$KEY ! sink.video \
    d.audio_0 ! "${audio[@]}" cencenc scheme="$scheme" key-id=$KID key=$KEY ! sink.audio \
    strftimefmp4sink name=sink fsync="$2" location="$WORK/ours/ch1-%Y%m%d%H%M%S.m4s" \
    playlist-location="$WORK/ours/ch1.m3u8" target-duration="$target" start-utc=2026-02-25T14:30:00Z
}

# package_peer FILM [SCHEME]: the same. It never syncs its files.
package_peer() {
  begin_alike peer
  timed 120 'packaging with shaka-packager' "$PACKAGER" \
    "in=$1,stream=video,init_segment=$WORK/peer/v_i.mp4,segment_template=$WORK/peer/v_\$Number\$.m4s,playlist_name=v.m3u8" \
    "in=$1,stream=audio,init_segment=$WORK/peer/a_i.mp4,segment_template=$WORK/peer/a_\$Number\$.m4s,playlist_name=a.m3u8" \
    --enable_raw_key_encryption --keys label=:key_id=$KID:key=$KEY --protection_scheme "${2:-cenc}" --clear_lead 0 \
    --segment_duration 6 --protection_systems Common --hls_master_playlist_output "$WORK/peer/master.m3u8"
}
