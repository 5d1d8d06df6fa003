#!/usr/bin/env bash
# usage: make_first_light.sh FOLDER [FILM]
# Packages a film (made here when none is given) into FOLDER for a static file server: encrypted segments, ch1.m3u8, and
# the key beside them as key.bin, where the playlist says. KEY_URI in the environment names another place for the key.
set -euo pipefail

folder=$1
film=${2:-}
key_id=11223344556677889900aabbccddeeff
key=00112233445566778899aabbccddeeff

mkdir -p "$folder"
if [ -z "$film" ]; then
  film=$folder/film.mp4
  [ -f "$film" ] || ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=640x360:rate=25:duration=30.08 \
    -f lavfi -i "sine=frequency=440:sample_rate=48000:duration=30" -c:v libx264 -preset veryfast -bf 3 -g 50 \
    -pix_fmt yuv420p -c:a aac -b:a 96k -ac 2 "$film"
fi
rm -f "$folder"/ch1-*.m4s "$folder"/ch1-init-*.mp4 "$folder"/ch1.m3u8
# The raw bytes of the hexadecimal digits.
printf '%b' "$(printf '%s' "$key" | fold -w 2 | sed 's/^/\\x/' | tr -d '\n')" >"$folder/key.bin"

gst-launch-1.0 -q filesrc location="$film" ! qtdemux name=d \
  d.video_0 ! queue ! h264parse ! cencenc key-id=$key_id key=$key ! sink.video \
  d.audio_0 ! queue ! aacparse ! cencenc key-id=$key_id key=$key ! sink.audio \
  strftimefmp4sink name=sink location="$folder/ch1-%Y%m%d%H%M%S.m4s" playlist-location="$folder/ch1.m3u8" \
  key-uri="${KEY_URI:-key.bin}" target-duration=6 start-utc=2026-02-25T14:30:00Z
