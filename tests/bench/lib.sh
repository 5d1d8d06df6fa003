# Shared by the benchmarks: films, timing, and one JSON object per line on standard output.
# shellcheck shell=bash
set -euo pipefail
ROOT=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
BUILD=$ROOT/build
WORK=$BUILD/bench
# shellcheck disable=SC2034  # read by the benchmarks
RUNS=${AIRCHECK_BENCH_RUNS:-5}
mkdir -p "$WORK"
TIMEFORMAT='%R %U %S'

median() { sort -g | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# result NAME VALUE UNIT PEER PEER_VALUE GOAL: ratio = VALUE / PEER_VALUE, holds = ratio <= GOAL (a cost: less is better).
# Without a peer (PEER_VALUE is -) the goal bounds the value itself.
result() {
  awk -v name="$1" -v value="$2" -v unit="$3" -v peer="$4" -v other="$5" -v goal="$6" 'BEGIN {
    measured = value; ratio = "null"
    if (other != "-") { measured = value / other; ratio = sprintf("%.3f", measured) }
    printf "{\"name\":\"%s\",\"value\":%s,\"unit\":\"%s\",\"peer\":%s,\"peer_value\":%s,\"ratio\":%s,\"goal\":%s,\"holds\":%s}\n",
      name, value, unit, peer == "-" ? "null" : "\"" peer "\"", other == "-" ? "null" : other, ratio, goal,
      measured <= goal ? "true" : "false"
  }'
}

# A film of SECONDS at 1080p25 with AAC, about 6 Mbit/s, made once.
film_1080p() {
  local film=$WORK/film-1080p-$1.mp4
  [ -f "$film" ] || {
    ffmpeg -v error -y -f lavfi -i "testsrc2=size=1920x1080:rate=25,noise=alls=12:allf=t" -f lavfi -i "sine=440:sample_rate=48000" \
      -t "$1" -c:v libx264 -preset ultrafast -tune zerolatency -b:v 6M -maxrate 6M -bufsize 6M -g 50 -pix_fmt yuv420p -c:a aac -b:a 128k \
      -movflags +faststart "$film.part.mp4" >&2
    mv "$film.part.mp4" "$film"
  }
  printf '%s' "$film"
}

# both COMMAND ...: its wall-clock seconds, and its user plus system seconds.
both() { { time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print $1, $2 + $3 }'; }
