#!/usr/bin/env bash
# usage: dev.sh SOURCE_ROOT BUILD_ROOT   ./dev as somebody sees it who types it: what setup installs and says, that a
# second call does nothing, and what run refuses: a non-zero exit and one line that names the cause and the remedy.
# A copy of ./dev runs beside the programs of BUILD_ROOT, with stand-ins for the tools that install and build.
set -euo pipefail
source_root=$1
build_root=$2
root=$(mktemp -d)
station=''
trap '[ -z "$station" ] || kill "$station" 2>/dev/null || true; rm -rf "$root"' EXIT
failed=0
complain() {
  printf 'FAILED: %s\n' "$*"
  failed=1
}

cp "$source_root/dev" "$root/dev"
ln -s "$source_root/pipelines" "$root/pipelines"
mkdir "$root/build" "$root/bin" "$root/log"
for part in daemon plugins webui build.ninja; do ln -s "$build_root/$part" "$root/build/$part"; done
cd "$root"

# The only programs on the path of ./dev: these, and the stand-ins.
for tool in bash cat dirname env hostname mkdir openssl readlink rm sed sort tail tr; do
  ln -s "$(command -v "$tool")" "bin/$tool"
done
stand_in() {  # stand_in NAME SCRIPT
  printf '#!%s\n%s\n' "$(command -v bash)" "$2" >"bin/$1"
  chmod +x "bin/$1"
}
# shellcheck disable=SC2016  # for the stand-in to expand
stand_in id 'echo "${FAKE_UID:-1000}"'
# shellcheck disable=SC2016
stand_in dpkg-query 'for name; do :; done; [[ " ${FAKE_MISSING:-} " != *" $name "* ]] || exit 1; echo installed'
stand_in node :
stand_in npm :
stand_in meson :
# shellcheck disable=SC2016
stand_in ninja '[[ " $* " != *" -n "* ]] || { [ -e log/ninja ] && echo "ninja: no work to do." || echo "[1/2] c++"; exit; }
printf "%s\n" "$*" >>log/ninja'
# shellcheck disable=SC2016
record='printf "%s %s\n" "${0##*/}" "$*" >>log/installed'

# dev EXIT ARGUMENT ...: runs ./dev; output and errors stand in log/out and log/err.
dev() {
  local expected=$1 code=0
  shift
  timeout -k 5 60 env PATH="$root/bin" ./dev "$@" >log/out 2>log/err || code=$?
  [ "$code" = "$expected" ] || complain "./dev $*: exit code $code instead of $expected: $(cat log/out log/err)"
}
# refused EXIT "WORD|WORD" ARGUMENT ...: one line on standard error that holds every word; nothing on standard output.
refused() {
  local expected=$1 words=$2 word
  shift 2
  dev "$expected" "$@"
  [ "$(grep -c '' log/err)" = 1 ] || complain "./dev $*: not one line: $(cat log/err)"
  [ ! -s log/out ] || complain "./dev $*: printed $(cat log/out)"
  grep -q '^error: ' log/err || complain "./dev $*: no error line: $(cat log/err)"
  while read -r -d '|' word; do
    grep -qF -- "$word" log/err || complain "./dev $*: does not say '$word': $(cat log/err)"
  done <<<"$words|"
}
says() { [ "$(cat log/out)" = "$1" ] || complain "instead of '$1': $(cat log/out log/err)"; }

# ---- setup and build ---------------------------------------------------------------------------------------------
line='apt-get install --no-install-recommends libsoup-3.0-dev mpv'
FAKE_MISSING='mpv libsoup-3.0-dev' refused 3 "administrator run: $line" setup
[[ $(cat log/err) == *": $line" ]] || complain "the line is not to be copied as it stands: $(cat log/err)"
for command in build run test lint; do
  FAKE_MISSING='make' refused 3 'apt-get install --no-install-recommends make' "$command"
done
dev 0 setup
says 'dev: setup: nothing to do, every package is installed'
refused 2 "'everything' is not a purpose|--help" setup everything

stand_in sudo "$record"
FAKE_MISSING=mpv dev 0 setup
grep -qx 'sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends mpv' log/installed ||
  complain "sudo was not asked: $(cat log/installed)"
rm -f bin/sudo log/installed
stand_in apt-get "$record"
FAKE_UID=0 FAKE_MISSING=mpv dev 0 setup
grep -qx 'apt-get -qq install -y --no-install-recommends mpv' log/installed || complain 'root did not install by itself'
stand_in apt-get 'exit 100'
FAKE_UID=0 FAKE_MISSING=mpv dev 3 setup
grep -q '^error: apt-get could not install: mpv' log/err || complain "apt-get failed in silence: $(cat log/err)"
rm bin/dpkg-query
refused 3 'Debian 12' setup
stand_in dpkg-query 'echo installed'

stand_in grep "exec $(command -v grep) \"\$@\""
stand_in nproc 'echo 2'
dev 0 build
says 'dev: build: done'
dev 0 build
says 'dev: build: nothing to do, build/ is up to date'

# ---- run ---------------------------------------------------------------------------------------------------------
run=(run --no-setup --state "$root/state" --port 0)
unset JWT_SECRET AIRCHECK_ADMIN_PASSWORD AIRCHECK_LISTEN HLS_SEGMENT_DURATION HLS_SEGMENT_DIR HLS_SOURCES_DIR DRM_ENABLED
export AIRCHECK_RUN_DIR=$root/run
printf 'hello\n' >notes.txt
: >empty.mp4
mkfifo pipe.mp4
ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v libx264 -preset ultrafast -pix_fmt yuv420p \
  -movflags +faststart whole.mp4
head -c "$(($(stat -c %s whole.mp4) / 2))" whole.mp4 >cut.mp4

refused 2 "--source 'missing.mp4'|no such file|give the path of a film" "${run[@]}" --source missing.mp4
refused 1 'empty.mp4: is empty|copy it again' "${run[@]}" --source empty.mp4
refused 1 'cut.mp4: is |cut short|copy it again' "${run[@]}" --source cut.mp4
refused 1 'notes.txt: is not a film|give a media file' "${run[@]}" --source notes.txt
refused 1 "$root/log: is not a file|give a media file" "${run[@]}" --source log
refused 1 'pipe.mp4: is not a file|give a media file' "${run[@]}" --source pipe.mp4
refused 1 '/dev/zero: is not a file|give a media file' "${run[@]}" --source /dev/zero

refused 2 "--port: 'abc'|0 to 65535" "${run[@]}" --port abc
refused 2 "--port: '65536'|0 to 65535" "${run[@]}" --port 65536
refused 2 '--port needs a value|--help' run --port
refused 2 "'--bogus' is not an option of run|--help" run --bogus
refused 2 "'bogus' is not a command|--help" bogus
refused 2 '--listen|192.0.2.1|AIRCHECK_ADMIN_PASSWORD|--tls' "${run[@]}" --listen 192.0.2.1
refused 2 '--tls wants AIRCHECK_ADMIN_PASSWORD|set the password' "${run[@]}" --listen 192.0.2.1 --tls
AIRCHECK_ADMIN_PASSWORD=long-enough refused 2 '--listen|192.0.2.1|--tls' "${run[@]}" --listen 192.0.2.1
AIRCHECK_ADMIN_PASSWORD=short refused 2 'AIRCHECK_ADMIN_PASSWORD|8 characters|set a longer one' "${run[@]}"
JWT_SECRET=short refused 2 'JWT_SECRET|32 bytes|set a longer one' "${run[@]}"
HLS_SEGMENT_DURATION=0 refused 2 "HLS_SEGMENT_DURATION: '0'|1 to 60" "${run[@]}"
HLS_SEGMENT_DURATION=abc refused 2 "HLS_SEGMENT_DURATION: 'abc'|1 to 60" "${run[@]}"
DRM_ENABLED=maybe refused 2 "DRM_ENABLED: 'maybe'|true or false" "${run[@]}"
HLS_SEGMENT_DIR=/proc/x refused 1 'HLS_SEGMENT_DIR|/proc/x|give a directory that user' "${run[@]}"
HLS_SEGMENT_DIR=$root/notes.txt refused 1 'HLS_SEGMENT_DIR|notes.txt|give a directory that user' "${run[@]}"
HLS_SOURCES_DIR=/proc/x refused 1 'HLS_SOURCES_DIR|/proc/x|give the directory' "${run[@]}"
refused 2 "--state '/proc/x'|give a directory that you may write to" run --no-setup --state /proc/x
refused 2 "--state '$root/notes.txt'|give a directory" run --no-setup --state "$root/notes.txt"

# One that runs, for those that come after it.
wait_for() {  # wait_for FILE PATTERN
  for _ in $(seq 600); do
    ! grep -q "$2" "$1" || return 0
    sleep 0.1
  done
  complain "no '$2' in: $(cat "$1")"
}
env PATH="$root/bin" ./dev "${run[@]}" --source whole.mp4 >log/station 2>&1 &
station=$!
wait_for log/station 'is on air: http://127.0.0.1:'
port=$(sed -n 's,.*is on air: http://127.0.0.1:\([0-9]*\)/.*,\1,p' log/station)
refused 1 "--state: another aircheckd runs in $root/state|another --state" "${run[@]}"
dev 1 run --no-setup --state "$root/other" --port "$port"
grep -qF -- "error: --port: 127.0.0.1:$port is in use: stop the other program or give another --port" log/err ||
  complain "port in use: $(cat log/err)"
wait_for log/station 'ch1.: starting -> running'
kill -TERM "$station"
code=0
wait "$station" || code=$?
[ "$code" = 0 ] || complain "SIGTERM ended the station with $code: $(tail -n 5 log/station)"
[ -z "$(pgrep -f -- "--run-dir $root/run" || true)" ] || complain 'workers stay behind'

[ "$failed" != 0 ] || printf 'dev: good\n'
exit "$failed"
