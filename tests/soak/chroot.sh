#!/usr/bin/env bash
# Tries the two commands of the README on a bare Debian 12: a debootstrapped minbase holding nothing but this checkout.
# Root only. The folder is made anew in $AIRCHECK_CHROOT_DIR (default: a temporary folder) and removed on success.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo 'error: --chroot needs root: debootstrap, mount and chroot' >&2; exit 3; }
root=$(git -C "$(dirname "$(readlink -f "$0")")" rev-parse --show-toplevel)
chroot=${AIRCHECK_CHROOT_DIR:-$(mktemp -d /var/tmp/aircheck-chroot.XXXXXX)}
mirror=${AIRCHECK_DEBIAN_MIRROR:-http://deb.debian.org/debian}
mounted=()

cleanup() {
  local i
  for ((i = ${#mounted[@]} - 1; i >= 0; i--)); do umount -l "${mounted[i]}" || true; done
}
trap cleanup EXIT

[ -x "$chroot/bin/bash" ] || debootstrap --variant=minbase bookworm "$chroot" "$mirror" >"$chroot.log" 2>&1 || {
  tail "$chroot.log" >&2
  echo "error: debootstrap could not make $chroot from $mirror" >&2
  exit 1
}
chmod 755 "$chroot" # mktemp's 0700 would lock out the users that tests become
cp -L /etc/resolv.conf /etc/hosts "$chroot/etc/"
environment=(HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8)
# A site's own certificate authority and proxy have to reach npm and apt in there too.
if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then
  cp -L "$NODE_EXTRA_CA_CERTS" "$chroot/etc/site-ca.crt"
  environment+=(NODE_EXTRA_CA_CERTS=/etc/site-ca.crt)
fi
for name in http_proxy https_proxy no_proxy npm_config_registry; do
  [ -z "${!name:-}" ] || environment+=("$name=${!name}")
done
for name in proc sys dev dev/shm; do
  mkdir -p "$chroot/$name"
  mount --bind "/$name" "$chroot/$name"
  mounted+=("$chroot/$name")
done
rm -rf "$chroot/root/aircheck"
git clone -q --no-hardlinks "$root" "$chroot/root/aircheck"

inside() { chroot "$chroot" env -i "${environment[@]}" bash -c "cd /root/aircheck && $1"; }

echo '== chroot: ./dev run'
inside 'exec ./dev run --port 8765 --state /tmp/state' >"$chroot/run.log" 2>&1 &
runner=$!
for ((i = 0; i < 1800; i++)); do
  kill -0 "$runner" 2>/dev/null || { tail -n 40 "$chroot/run.log" >&2; echo 'error: ./dev run ended by itself' >&2; exit 1; }
  if (exec 3<>/dev/tcp/127.0.0.1/8765) 2>/dev/null; then break; fi
  sleep 1
done
for ((i = 0; i < 60; i++)); do
  if [ -n "$(find "$chroot/tmp/state/segments" -name 'ch1-2*.m4s' 2>/dev/null)" ]; then break; fi
  sleep 1
done
[ -n "$(find "$chroot/tmp/state/segments" -name 'ch1-2*.m4s')" ] || { tail -n 40 "$chroot/run.log" >&2; echo 'error: ch1 made no segment in a minute' >&2; exit 1; }
station=$(pgrep -f '^/root/aircheck/build/daemon/aircheckd .*--state /tmp/state' | head -n 1)
kill -TERM "$station"
wait "$runner" || { echo "error: ./dev run ended with $? after SIGTERM" >&2; exit 1; }
echo '== chroot: ./dev run: good'
echo '== chroot: ./dev test'
inside './dev test'
echo '== chroot: ./dev test: good'
cleanup
mounted=()
[ -n "${AIRCHECK_CHROOT_DIR:-}" ] || rm -rf "$chroot" "$chroot.log"
