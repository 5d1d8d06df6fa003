#!/usr/bin/env bash
# Every gst-launch-1.0 line of the element documentation (SECTION comments) and of the READMEs plays to its end, without
# a warning, and makes the files that it names. What the lines read is made here; what has no end gets one, and what
# would open a window is kept in a file. A picture that a README shows is the one that the line beside it draws.
#   launch_lines.sh            all of them; AIRCHECK_UPDATE_GOLDEN=1 writes the pictures anew: look at them
set -euo pipefail
root=${AIRCHECK_TEST_SOURCE_ROOT:?run the test through meson}
work=$(mktemp -d "${TMPDIR:-/tmp}/aircheck-lines.XXXXXX")
trap 'rm -rf "$work"' EXIT
# playbin3 of GStreamer 1.22 now and then never starts, whatever its source (plugins/catchup/README.md). A line of it
# that has shown no picture after so many seconds (it takes one or two) is started again, twice. That hides no defect of
# ours: tests/catchup starts playbin3 in the way that never fails, and there every start has to play.
playbin_limit=30
failed=0
complain() {
  printf '%s\n' "$*" >&2
  failed=1
}

# lines_of FILE: its launch lines, each in the form NUMBER:COMMAND and ended by a NUL.
lines_of() {
  awk '
    { line = $0; sub(/^ \* ?/, "", line); sub(/^ +/, "", line); sub(/ +$/, "", line) }
    !open && line ~ /^gst-launch-1\.0 / { open = 1; printf "%d:", NR }
    open { printf "%s\n", line; if (line !~ /\\$/) { open = 0; printf "%c", 0 } }' "$1"
}

# Sixty seconds with sound, the same encrypted, a logo, a key, and an archive of each.
make_media() {
  local key_id=11223344556677889900aabbccddeeff key=00112233445566778899aabbccddeeff cipher='' archive
  mkdir -p media/clear media/encrypted
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=160x90:rate=25:duration=60 \
    -f lavfi -i sine=frequency=440:sample_rate=48000:duration=60 -c:v libx264 -preset veryfast -bf 2 -g 50 \
    -pix_fmt yuv420p -c:a aac -b:a 96k -ac 2 media/film.mp4
  ffmpeg -nostdin -v error -i media/film.mp4 -c copy -t 10 -movflags frag_keyframe+empty_moov \
    -encryption_scheme cenc-aes-ctr -encryption_key "$key" -encryption_kid "$key_id" media/encrypted.mp4
  printf '%s' "$key" >media/key.bin && chmod 600 media/key.bin
  cp "$root/plugins/drawtext/pictures/logo.png" media
  for archive in clear encrypted; do
    # shellcheck disable=SC2086  # several words
    gst-launch-1.0 -q filesrc location=media/film.mp4 ! qtdemux name=d \
      d.video_0 ! queue ! h264parse ! $cipher sink.video d.audio_0 ! queue ! aacparse ! $cipher sink.audio \
      strftimefmp4sink name=sink target-duration=6 start-utc=2026-02-25T14:30:00Z \
      location="media/$archive/ch1-%Y%m%d%H%M%S.m4s"
    cipher="cencenc key-id=$key_id key=$key !"
  done
}

# What stands in for what a test does not have: an end, a window on a screen, a folder of the system's.
runnable() {
  local line=$1 kept='videoconvert ! jpegenc ! filesink location=shown.mjpeg'
  [[ $line == *num-buffers=* ]] || line=${line//videotestsrc/videotestsrc num-buffers=50}
  line=${line//autovideosink/$kept}
  line=${line//playbin3 /playbin3 video-sink=\"$kept\" audio-sink=fakesink }
  printf '%s' "${line//\/srv\/segments\/ch1/$PWD/run/ch1}"
}

# run_line LINE: in an empty folder with the media, its output in the file log.
run_line() {
  local limit=100 starts_left=1 status
  [[ $1 != *playbin3* ]] || limit=$playbin_limit starts_left=3
  while :; do
    rm -rf run && mkdir run
    cp -l media/{film,encrypted}.mp4 media/key.bin media/logo.png run
    cp -rl media/clear run/ch1
    if [[ $1 == *catchup* ]]; then cp -rl media/encrypted run/out; else mkdir run/out; fi
    status=0
    (cd run && timeout -k 5 "$limit" bash -c "$1") >log 2>&1 || status=$?
    starts_left=$((starts_left - 1))
    if [ "$status" != 124 ] || [ "$starts_left" = 0 ] || [ -s run/shown.mjpeg ]; then return "$status"; fi
  done
}

# plays LINE: says what is wrong and fails, or leaves the folder run as it is then.
plays() {
  local line name file
  line=$(runnable "$1")
  if ! run_line "$line"; then
    printf 'it fails:\n%s\n' "$(tail -n 20 log)"
    return 1
  fi
  if grep -E 'WARN|CRITICAL|ERROR' log; then return 1; fi
  cd run
  # What has fields of strftime stands for any number of files.
  while read -r name; do
    file=$(compgen -G "$name" | head -n 1)
    if [ ! -s "$file" ]; then
      printf 'it makes no %s\n' "$name"
      return 1
    fi
  done < <(grep -oE 'location=[^ "]+' <<<"$line" | sed -E 's/.*location=//; s/%\{[a-z]+\}|%[A-Za-z]/*/g')
}

# shows NAME: the picture that the last line made is the one in the documentation.
shows() {
  local record=$root/plugins/drawtext/pictures/$1 psnr
  if [ "${AIRCHECK_UPDATE_GOLDEN:-}" = 1 ]; then
    cp "run/$1" "$record"
    return
  fi
  psnr=$(ffmpeg -nostdin -i "run/$1" -i "$record" -lavfi psnr -f null - 2>&1 | grep -o 'average:[0-9inf.]*' || echo 0)
  psnr=${psnr#average:}
  if [ "$psnr" != inf ] && [ "${psnr%.*}" -lt 40 ]; then
    printf 'its picture differs from %s: %s dB\n' "$record" "$psnr"
    return 1
  fi
}

cd "$work"
make_media
for bad in 'gst-launch-1.0 videotestsrc ! drawtextoverlay no-such-property=1 ! fakesink' \
  'gst-launch-1.0 videotestsrc ! drawtextoverlay font-desc=Nothing text=a ! fakesink' \
  'gst-launch-1.0 videotestsrc ! fakesink location=a.png ! filesink location=b.png'; do
  ! (plays "$bad") >/dev/null || complain "this line is taken, which must be refused: $bad"
done
window='uri="catchup:///srv/segments/ch1?start=2026-02-25T14:30:10Z&end=2026-02-25T14:30:12Z"'
playbin_limit=2
! (plays 'gst-launch-1.0 playbin3 uri=appsrc://') >/dev/null || complain 'a line that never starts is taken'
! (plays "gst-launch-1.0 playbin3 $window && sleep 60") >/dev/null || complain 'a line that stops halfway is taken'
playbin_limit=10
problem=$(plays "if mkdir ../once; then sleep 60; else gst-launch-1.0 playbin3 $window; fi") ||
  complain "a line that starts at the second time is refused: $problem"
playbin_limit=30

mapfile -t sections < <(grep -rlE 'SECTION:element-' "$root/plugins" --include='*.cpp')
lines=0
pictures=' '
for document in "${sections[@]}" "$root/README.md" "$root"/plugins/*/README.md; do
  while IFS= read -r -d '' numbered; do
    where=${document#"$root"/}:${numbered%%:*}
    lines=$((lines + 1))
    problem=$(plays "${numbered#*:}") || complain "$where: $problem"
    for picture in run/*.png; do
      picture=${picture#run/}
      [ "$picture" != logo.png ] || continue
      problem=$(shows "$picture") || complain "$where: $problem"
      pictures+="$picture "
    done
  done < <(lines_of "$document")
done

# Nothing is left out: each element has a SECTION with a line of its own, each picture a line that draws it.
for golden in "$root"/tests/golden/elements/*.txt; do
  element=$(basename "$golden" .txt)
  section=$(grep -lE "SECTION:element-$element\$" "${sections[@]}") || { complain "$element has no SECTION comment" && continue; }
  lines_of "$section" | grep -qaE "\b$element\b" || complain "${section#"$root"/}: no line with $element"
done
for picture in "$root"/plugins/drawtext/pictures/*.png; do
  picture=${picture##*/}
  [[ $picture == logo.png || $pictures == *" $picture "* ]] ||
    complain "plugins/drawtext/pictures/$picture: no line draws it"
done
printf '%d lines, pictures:%s\n' "$lines" "$pictures"
exit "$failed"
