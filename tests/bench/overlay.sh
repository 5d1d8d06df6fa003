#!/usr/bin/env bash
# What an overlay costs at 1080p30: processor time of our clock, bug and crawl against GStreamer's clockoverlay and
# ffmpeg's drawtext. Each figure is that of a pipeline with the overlay less that of the same pipeline without it.
# AIRCHECK_BENCH_PARTS names some of them: clock, bug, crawl.
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"
require_optimised

PICTURES=6000 # 200 s at 30 pictures/s
SECONDS_OF_FILM=200
SOURCE="videotestsrc num-buffers=$PICTURES pattern=black ! video/x-raw,format=I420,width=1920,height=1080,framerate=30/1"
FFMPEG_SOURCE="color=black:size=1920x1080:rate=30:duration=$SECONDS_OF_FILM,format=yuv420p"

gst_cpu() { # DESCRIPTION: processor seconds
  local wall cpu
  # shellcheck disable=SC2086  # words of a pipeline
  read -r wall cpu < <(timed 120 'gst-launch-1.0' gst-launch-1.0 -q $SOURCE ! $1 fakesink)
  : "$wall"
  printf '%s' "$cpu"
}

ffmpeg_cpu() { # FILTERS
  local wall cpu
  read -r wall cpu < <(timed 120 ffmpeg ffmpeg -nostdin -v error -f lavfi -i "$FFMPEG_SOURCE$1" -f null -)
  : "$wall"
  printf '%s' "$cpu"
}

# What the clock of the system cannot tell from nothing counts as a millisecond.
cost() { awk -v with="$1" -v without="$2" 'BEGIN { cost = with - without; print (cost > 0.001 ? cost : 0.001) }'; }

CLOCK='drawtextoverlay text=%{utc:%T} start-utc=2026-02-25T14:30:00Z font-desc=Sans,24 box-color=0x80000000 !'
PEER_CLOCK='clockoverlay font-desc=Sans,24 shaded-background=true !'
FFMPEG_CLOCK=",drawtext=text='%{gmtime\\:%T}':font=Sans:fontsize=32:fontcolor=white:box=1:boxcolor=black@0.5:boxborderw=8:x=16:y=16"
WORDS=$(printf 'A_crawl_over_the_whole_width_%.0s' {1..40})
CRAWL="drawtextoverlay text=$WORDS crawl-speed=130 margin-x=0 anchor=bottom font-desc=Sans,24 box-color=0x80000000 !"

# A PNG of 200 x 100 with soft edges, as a station's bug is.
make_bug() {
  ffmpeg -nostdin -v error -y -f lavfi -i 'color=orange:size=200x100,format=rgba,geq=r=r(X\,Y):g=g(X\,Y):b=b(X\,Y):a=200*min(1\,min(X\,199-X)/20)' \
    -frames:v 1 "$WORK/bug.png" || fail "ffmpeg could not make the bug"
}

measure() { # NAME GOAL DESCRIPTION: its cost against that of clockoverlay, and for the clock against drawtext
  local i with without peer ours=() theirs=() ffmpegs=()
  gst_cpu "$3" >/dev/null # the registry and the fonts are warm for both
  for ((i = 0; i < RUNS; i++)); do
    without=$(gst_cpu '')
    with=$(gst_cpu "$3")
    peer=$(gst_cpu "$PEER_CLOCK")
    ours+=("$(cost "$with" "$without")")
    theirs+=("$(cost "$peer" "$without")")
    [ "$1" != clock ] || ffmpegs+=("$(cost "$(ffmpeg_cpu "$FFMPEG_CLOCK")" "$(ffmpeg_cpu '')")")
  done
  result "overlay-$1-1080p30-cpu-per-200s" "$(median_of "${ours[@]}")" s clockoverlay "$(median_of "${theirs[@]}")" "$2"
  [ "$1" != clock ] ||
    result "overlay-$1-1080p30-cpu-per-200s" "$(median_of "${ours[@]}")" s ffmpeg-drawtext "$(median_of "${ffmpegs[@]}")" 1.0
}

for part in ${AIRCHECK_BENCH_PARTS:-clock bug crawl}; do
  case $part in
    clock) measure clock 1.0 "$CLOCK" ;;
    bug)
      make_bug
      measure bug 0.25 "drawtextoverlay allow-files=true image=$WORK/bug.png anchor=top-right !"
      ;;
    crawl) measure crawl 2.0 "$CRAWL" ;;
    *) fail "AIRCHECK_BENCH_PARTS: there is no part '$part'; there are clock, bug and crawl" ;;
  esac
done
