#!/usr/bin/env bash
# usage: example.sh PROGRAM   examples/record_and_replay.c as it was built: what it records and makes of it holds before
# ffmpeg, which decrypts the window by itself.
set -euo pipefail
program=$(readlink -f "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/aircheck-example.XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() {
  printf '%s\n' "$*" >&2
  exit 1
}
equal() { [ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"; }  # equal WHAT IS SHOULD
probe() { ffprobe -v error -count_frames -of csv=p=0 "$@"; }

if "$program" >"$work/log" 2>&1; then fail 'it runs without a folder'; fi
if "$program" "$work/none" >"$work/log" 2>&1; then fail 'it records into a folder that is not there'; fi
grep -q "location: .*$work/none" "$work/log" || fail "it does not say what is wrong: $(cat "$work/log")"

mkdir "$work/archive" && cd "$work/archive"
timeout -k 5 100 "$program" . >../log 2>&1 || fail "it fails: $(cat ../log)"
equal 'segments told' "$(grep -c '^segment [0-9]*: ./ch1-20260225143[0-9]*.m4s, 2.000 s, key' ../log)" 10
equal 'keys of them' "$(grep -o 'key [0-9a-f]*$' ../log | sort | uniq -c | tr -s ' \n' ' ')" \
  ' 5 key 11223344556677889900aabbccddeeff 5 key ffeeddccbbaa00998877665544332211 '
equal 'segments there' "$(printf '%s\n' ch1-*.m4s | wc -l)" 10
equal 'inits there' "$(printf '%s\n' ch1-init-*.mp4 | wc -l)" 2

equal 'rows of the window' "$(grep -c '^ch1-.*m4s$' window.m3u8) $(grep -c 'MAP:' window.m3u8)" '5 2'
equal 'pictures of the film' "$(probe -select_streams v -show_entries stream=codec_name,nb_read_frames window.mp4)" h264,250
equal 'sound of the film' "$(probe -select_streams a -show_entries stream=codec_name window.mp4)" aac
# Both ways to the window show the same pictures, with the clock and the title in them. ffmpeg 5.1 takes the first key of a
# playlist for all of it: so each key has a playlist of its own here.
pictures() { ffmpeg -nostdin -v error "$@" -map 0:v -f framemd5 - | grep -v '^#' | sed 's/.*, *//'; }
pictures -i window.mp4 >../film
for window in 'start=2026-02-25T14:30:04Z end=2026-02-25T14:30:10Z' 'start=2026-02-25T14:30:10Z end=2026-02-25T14:30:14Z'; do
  # shellcheck disable=SC2086  # two words
  gst-launch-1.0 -q catchupplaylistsrc location=ch1-%Y%m%d%H%M%S.m4s key-uri='%{kid}.key' $window ! \
    filesink location=one_key.m3u8
  pictures -allowed_extensions ALL -i one_key.m3u8 >>../playlists
done
equal 'pictures of the playlists' "$(wc -l <../playlists)" 250
cmp ../playlists ../film || fail 'the playlist and the film of the window show other pictures'
[ "$(sort -u ../film | wc -l)" -gt 200 ] || fail 'the pictures do not move'
head -c 16 /dev/zero | tee ./*.key >/dev/null
(pictures -allowed_extensions ALL -i window.m3u8 >../wrong) 2>/dev/null || true
! cmp -s ../wrong ../film || fail 'the archive plays with any key'
