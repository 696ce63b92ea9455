#!/bin/sh
# Installs what the tests and the demo need and this machine lacks: Node packages by npm, and, unless --no-system is
# given, Debian packages by apt (as root). Says what it installs; does nothing when nothing is missing.
set -eu
cd "$(dirname "$0")/.."

if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    echo "prepare: npm ci (node_modules is missing or older than package-lock.json)"
    npm ci --no-audit --no-fund --loglevel=error
fi
[ "${1:-}" = --no-system ] && exit 0

missing=
need() { # command package
    [ -n "$(PATH="$PATH:/usr/sbin:/sbin" command -v "$1")" ] || missing="$missing $2"
}
need qemu-system-x86_64 qemu-system-x86
need mksquashfs squashfs-tools
need mosquitto mosquitto
need depmod kmod
need xz xz-utils
need make make
need zopfli zopfli
need openssl openssl
need git git
need nft nftables
need ip iproute2
need wg wireguard-tools
need dnsmasq dnsmasq-base
need chromium chromium
need prometheus prometheus
[ -z "$missing" ] && exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "prepare: missing packages:$missing; install them (on Debian, as root: apt-get install$missing)" >&2
    exit 1
fi
echo "prepare: apt-get install$missing"
export DEBIAN_FRONTEND=noninteractive
# A package's daemon must not start here: the tests start their own mosquitto.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=1
fi
apt-get -qq update
status=0
# shellcheck disable=SC2086
apt-get -qq install -y --no-install-recommends $missing >/dev/null || status=$?
[ -z "$made" ] || rm -f "$policy"
exit "$status"
