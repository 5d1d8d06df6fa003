# nginx, serving a folder of the benchmark's own, and wrk against it or us. Sourced after lib.sh.
# shellcheck shell=bash

# Serves $WORK/nginx/www; sets NGINX_URL and NGINX_PID.
start_nginx() {
  local dir=$WORK/nginx port tries
  rm -rf "$dir" && mkdir -p "$dir/www"
  for ((tries = 0; tries < 5; tries++)); do # nginx takes no port 0
    port=$((20000 + RANDOM % 10000))
    cat >"$dir/nginx.conf" <<CONF
daemon off; master_process off; pid $dir/pid; error_log $dir/error.log;
events { worker_connections 1024; }
http {
  gzip on; gzip_types application/vnd.apple.mpegurl;
  access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on;
  client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3; uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
  types { application/vnd.apple.mpegurl m3u8; }
  server { listen 127.0.0.1:$port backlog=1024; root $dir/www; }
}
CONF
    nginx -p "$dir" -c "$dir/nginx.conf" >"$dir/log" 2>&1 &
    NGINX_PID=$!
    # shellcheck disable=SC2034  # read by the benchmarks
    NGINX_URL=http://127.0.0.1:$port
    sleep 0.3
    if kill -0 "$NGINX_PID" 2>/dev/null; then
      at_exit "$NGINX_PID"
      return
    fi
  done
  fail "nginx does not start: $(tail -n 3 "$dir/log")"
}

# load URL [wrk option ...]: p50 in ms, p99 in ms, requests/s; $WORK/wrk.time gets wrk's processor seconds, user and system
load() {
  local log=$WORK/wrk.log TIMEFORMAT='%U %S'
  { time timeout 60 wrk -t1 -c100 -d"${AIRCHECK_BENCH_LOAD:-5}s" --latency "$@" >"$log" 2>&1; } 2>"$WORK/wrk.time" ||
    fail "wrk failed: $(tail -n 3 "$log")"
  ! grep -q 'Non-2xx' "$log" || fail "not every answer was 200: $(grep Non-2xx "$log")"
  awk 'function ms(text) { return text ~ /us$/ ? text / 1000 : text ~ /ms$/ ? text + 0 : text * 1000 }
    $1 == "50%" { p50 = ms($2) } $1 == "99%" { p99 = ms($2) } /^Requests\/sec/ { rate = $2 } END { print p50, p99, rate }' "$log"
}
