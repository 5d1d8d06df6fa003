# Shared by the benchmarks: films, limits, timing, and one JSON object per line on standard output.
# shellcheck shell=bash
set -euo pipefail
ROOT=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
BUILD=${AIRCHECK_BENCH_BUILD:-$ROOT/build}
WORK=$ROOT/build/bench
# shellcheck disable=SC2034  # read by the benchmarks
RUNS=${AIRCHECK_BENCH_RUNS:-5}
TIMEFORMAT='%R %U %S'
export LC_ALL=C.UTF-8 TZ=UTC
mkdir -p "$WORK"
# A registry of our own: whoever runs GStreamer beside us with other plugins has the shared one scanned anew each time.
export GST_REGISTRY=$WORK/registry.bin

fail() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

# What we start ends with us, each by its own process id, the last one first.
STARTED=()
end_started() {
  local i
  for ((i = ${#STARTED[@]} - 1; i >= 0; i--)); do
    kill "${STARTED[i]}" 2>/dev/null || continue
    wait "${STARTED[i]}" 2>/dev/null || true
  done
}
at_exit() { STARTED+=("$1"); }
trap end_started EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

median() { sort -g | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

median_of() { printf '%s\n' "$@" | median; }

# Figures of a build that nobody would ship mean nothing.
require_optimised() {
  local options
  options=$(meson introspect --buildoptions "$BUILD") || fail "$BUILD is no build folder: run ./dev build"
  case $(option optimization <<<"$options") in
    2 | 3 | s) ;;
    *) fail "$BUILD is not optimised (-Doptimization=$(option optimization <<<"$options")): run ./dev clean, then ./dev bench" ;;
  esac
  [ "$(option b_sanitize <<<"$options")" = none ] || fail "$BUILD has sanitizers built in: run ./dev clean, then ./dev bench"
}
option() { tr -d '\n' | sed -n "s/.*\"name\": \"$1\", \"value\": \"\([^\"]*\)\".*/\1/p"; }

# result NAME VALUE UNIT PEER PEER_VALUE GOAL [more]: ratio = VALUE / PEER_VALUE, holds = ratio <= GOAL: a cost, less is
# better. With `more`, more is better and holds = ratio >= GOAL. Without a peer (- -) the goal bounds the value itself.
result() {
  [[ $2$5 =~ ^[0-9.e+-]+$ ]] || fail "$1 was not measured: '$2' against '$5'"
  awk -v name="$1" -v value="$2" -v unit="$3" -v peer="$4" -v other="$5" -v goal="$6" -v more="${7:-}" 'BEGIN {
    measured = value + 0; ratio = "null"
    if (other != "-") { measured = value / other; ratio = sprintf("%.3f", measured) }
    holds = more == "" ? measured <= goal + 0 : measured >= goal + 0
    printf "{\"name\":\"%s\",\"value\":%s,\"unit\":\"%s\",\"peer\":%s,\"peer_value\":%s,\"ratio\":%s,\"goal\":%s,\"holds\":%s}\n",
      name, value, unit, peer == "-" ? "null" : "\"" peer "\"", other == "-" ? "null" : other, ratio, goal,
      holds ? "true" : "false"
  }'
}

# wait_for SECONDS WHAT COMMAND ...: until the command succeeds.
wait_for() {
  local until=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$until" ] || fail "waited in vain for $what"
    sleep 0.05
  done
}

# timed SECONDS WHAT COMMAND ...: its wall-clock seconds, and its user plus system seconds. A program, not a function.
# What it prints is shown when it fails.
timed() {
  local limit=$1 what=$2 status=0 figures
  shift 2
  figures=$({ time timeout -k 5 "$limit" "$@" >"$WORK/timed.log" 2>&1; } 2>&1) || status=$?
  if [ "$status" != 0 ]; then
    tail -n 20 "$WORK/timed.log" >&2
    [ "$status" != 124 ] || fail "$what did not end within $limit s"
    fail "$what ended with $status"
  fi
  awk '{ print $1, $2 + $3 }' <<<"$figures"
}

# film NAME SIZE SECONDS RATE_M: H.264 at 25 frames/s with noise, AAC; made once.
film() {
  local path=$WORK/$1.mp4
  [ -f "$path" ] || {
    timeout 300 ffmpeg -nostdin -v error -y -f lavfi -i "testsrc2=size=$2:rate=25,noise=alls=12:allf=t" \
      -f lavfi -i 'sine=440:sample_rate=48000' -t "$3" -c:v libx264 -preset ultrafast -tune zerolatency -b:v "$4M" -maxrate "$4M" \
      -bufsize "$4M" -g 50 -pix_fmt yuv420p -ac 2 -c:a aac -b:a 128k -movflags +faststart "$path.part.mp4" >&2 ||
      fail "ffmpeg could not make $path"
    mv "$path.part.mp4" "$path"
  }
  printf '%s' "$path"
}
