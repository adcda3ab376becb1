#!/usr/bin/env bash
# Tries the container file as far as that goes without an engine: reads it critically, runs the steps of its last stage in a
# fresh Debian (debootstrap, in place of the image it is made from), puts the program of `make static` where the first
# stage's would come, and runs it as the file says: its user, its environment, a root file system that cannot be written,
# volumes, its health check, SIGTERM. The first stage itself (Swift's own image) is not tried.
#
# check.sh [--lint]   --lint only reads the file, for which neither root nor a program is needed
# Ends with 77 and a reason where something for it is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
file=packaging/container/Containerfile
skip() { echo "the container was not tried: $*" >&2; exit 77; }
command -v python3 >/dev/null 2>&1 || skip "apt-get install python3"

work=$(mktemp -d)
root=$work/root
process=
finish() {
    if [ -n "$process" ]; then kill -KILL "$process" 2>/dev/null || true; fi
    rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

mkdir "$work/parts"
python3 packaging/container/parse.py "$file" . "$work/parts"
echo "ok    the file is sound: no root, no shell between, no lists left, fixed tags"
[ "${1:-}" != --lint ] || exit 0

[ "$(id -u)" -eq 0 ] || skip "root is needed (chroot, mounts)"
command -v debootstrap >/dev/null 2>&1 || skip "apt-get install debootstrap"
program=.build-static/release/attendance-gateway
[ -x "$program" ] || skip "there is no $program: make static"

suite=$(sed -n 's/^FROM debian:\([a-z]*\).*/\1/p' "$file" | tail -n 1)
base=.build-packages/bare-$suite
if [ ! -e "$base/.complete" ]; then
    rm -rf "$base"
    mkdir -p "$base"
    debootstrap --variant=minbase "$suite" "$base" >.build-packages/bare.log 2>&1 ||
        skip "debootstrap failed, see .build-packages/bare.log (is there a mirror?)"
    touch "$base/.complete"
fi
mkdir "$root"
cp -a --reflink=auto "$base/." "$root/"
rm -f "$root/.complete"
cp /etc/resolv.conf "$root/etc/resolv.conf"

part() { cat "$work/parts/$1"; }
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    timeout 300 chroot "$root" sh -ec "$(part run)" >"$work/steps" 2>&1 || { tail -n 20 "$work/steps" >&2; exit 1; }
echo "ok    the steps of the last stage run in a bare Debian $suite"

strip --strip-unneeded -o "$root$(part program)" "$program"
chmod 755 "$root$(part program)"
user=$(part user | tr -d '\n')
missing=$(chroot "$root" ldd "$(part program)" | grep 'not found' || true)
[ -z "$missing" ] || { echo "libraries are missing: $missing" >&2; exit 1; }
while read -r volume; do
    [ "$(stat -c %u "$root$volume")" = "$user" ] || { echo "$volume is not the user's" >&2; exit 1; }
done <"$work/parts/volumes"
echo "ok    no library is missing, and the volumes belong to user $user"
printf '[Server]\nHost = 0.0.0.0\nAllowedNetworks = 127.0.0.0/8\n[Console]\nHost = 0.0.0.0\nAllowWithoutTLS = yes\n' \
    >"$root$(part folder)/config.ini"

# A network, mounts and process numbers of its own; the root read-only but for the volumes, as --read-only of an engine.
cat >"$work/start" <<'START'
set -eu
root=$1; parts=$2
ip link set lo up 2>/dev/null || true
mount --bind "$root" "$root"
while read -r volume; do mount --bind "$root$volume" "$root$volume"; done <"$parts/volumes"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --bind /dev/null "$root/dev/null"
mount --bind /dev/urandom "$root/dev/urandom"
while read -r each; do set -- "$@" "$each"; done <"$parts/environment"
shift 2
user=$(cat "$parts/user")
exec chroot "$root" env -i --chdir="$(cat "$parts/folder")" PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" \
    setpriv --reuid="$user" --regid="$user" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
    $(cat "$parts/command")
START
unshare --mount --pid --net --fork --kill-child sh "$work/start" "$root" "$work/parts" >"$work/output" 2>&1 </dev/null &
process=$!
inner=
for _ in $(seq 100); do
    inner=$(ps -o pid=,comm= --ppid "$process" | awk '$2 ~ /^attendance-gat/ { print $1; exit }')
    if [ -n "$inner" ]; then break; fi
    kill -0 "$process" 2>/dev/null || break
    sleep 0.1
done
[ -n "$inner" ] || { cat "$work/output" >&2; echo "the container's command does not run" >&2; exit 1; }
# As `exec` of an engine: the same user, environment and folder.
within() {
    timeout --kill-after=2 60 nsenter --target "$inner" --mount --pid --net --root \
        env -i --chdir="$(part folder)" PATH=/usr/sbin:/usr/bin:/sbin:/bin $(part environment) \
        setpriv --reuid="$user" --regid="$user" --clear-groups "$@"
}
healthy=
for _ in $(seq 100); do
    if within $(part health) >"$work/health" 2>&1; then healthy=yes; break; fi
    kill -0 "$process" 2>/dev/null || break
    sleep 0.2
done
[ -n "$healthy" ] || { cat "$work/output" "$work/health" >&2; echo "never healthy" >&2; exit 1; }
echo "ok    it runs as user $(stat -c %u "/proc/$inner"), with a root that cannot be written, and its health check says: $(cat "$work/health")"
within attendance-gateway simulate --terminals 2 --total 40 --rate 0 >"$work/simulate" 2>&1 ||
    { cat "$work/simulate" "$work/output" >&2; exit 1; }
echo "ok    $(tail -n 1 "$work/simulate")"
[ "$(stat -c %u "$root/var/lib/attendance-gateway/journal.sqlite")" = "$user" ] || { echo "whose journal?" >&2; exit 1; }
begun=$(date +%s)
kill -TERM "$inner"
code=0
wait "$process" || code=$?
process=
[ "$code" -eq 0 ] || { tail -n 5 "$work/output" >&2; echo "SIGTERM ended it with $code" >&2; exit 1; }
echo "ok    SIGTERM ends it in order, in $(($(date +%s) - begun)) s; the journal is on the volume"
