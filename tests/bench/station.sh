# A station of the benchmark's own: one channel, private state, a free port. Sourced after lib.sh.
# shellcheck shell=bash

# station_up NAME SEGMENT_SECONDS: an empty station; sets STATION_URL, STATION_PID, STATION_TOKEN and STATION_DIR.
station_up() {
  STATION_DIR=$WORK/station-$1
  rm -rf "$STATION_DIR" && mkdir -p "$STATION_DIR"
  station_run "$1" "$2"
}

# The same on what station_up NAME left. STATION_READY is how many seconds it took to be ready.
station_run() {
  local body begin
  STATION_DIR=$WORK/station-$1
  STATION_TOKEN=
  : >"$STATION_DIR/log"
  begin=$EPOCHREALTIME
  AIRCHECK_ADMIN_PASSWORD='a bench password' AIRCHECK_RUN_DIR=$STATION_DIR/run HLS_SOURCES_DIR=$WORK HLS_SEGMENT_DURATION=$2 \
    AIRCHECK_CHANNEL_PROGRAM=$BUILD/daemon/worker/aircheck-channel AIRCHECK_WEB_DIR=$BUILD/webui/site \
    "$BUILD/daemon/aircheckd" --state "$STATION_DIR/state" --port 0 --workers-on-exit stop >"$STATION_DIR/log" 2>&1 &
  STATION_PID=$!
  at_exit "$STATION_PID"
  wait_for 60 'the station to listen' grep -q 'listening on http' "$STATION_DIR/log"
  STATION_URL=$(sed -n 's/.*listening on \(http:[0-9.:/]*[0-9]\).*/\1/p' "$STATION_DIR/log" | head -n 1)
  wait_for 120 'the station to be ready' curl -sf -o /dev/null "$STATION_URL/ready"
  # shellcheck disable=SC2034  # read by the benchmarks
  STATION_READY=$(awk -v begin="$begin" -v end="$EPOCHREALTIME" 'BEGIN { print end - begin }')
  body=$(call POST /api/v1/auth/login '{"email":"admin@localhost","password":"a bench password"}')
  STATION_TOKEN=$(field access_token <<<"$body")
}

station_down() {
  kill "$STATION_PID" 2>/dev/null || true
  wait "$STATION_PID" 2>/dev/null || true
}

# call METHOD PATH [JSON]: the body of the station's answer.
call() {
  curl -sS --fail-with-body -m 60 -X "$1" "$STATION_URL$2" ${STATION_TOKEN:+-H "Authorization: Bearer $STATION_TOKEN"} \
    ${3:+-H 'Content-Type: application/json' -d "$3"} || fail "the station refused $1 $2; its log is $STATION_DIR/log"
}

# field NAME: the first string or number of that name in JSON on standard input.
field() { grep -o "\"$1\":\(\"[^\"]*\"\|[0-9]*\)" | head -n 1 | sed -e 's/^[^:]*://' -e 's/"//g'; }

# channel_on_air FILE: puts channel `bench` on the air with what the demo channels have; the answer comes when it starts.
channel_on_air() {
  call POST /api/v1/admin/channels "{\"cdn_channel_key\":\"bench\",\"number\":1,\"name\":\"Bench\",\"variables\":{
    \"source\":\"$1\",\"title\":\"$TITLE\",\"width\":640,\"height\":360,\"video-bitrate\":800,\"audio-bitrate\":128}}" \
    >/dev/null
  call POST /api/v1/admin/simlive/bench/start >/dev/null
}

worker_pid() { call GET /api/v1/admin/simlive/status | field pid; }
