#!/usr/bin/env bash
# Installs, upgrades, downgrades, removes and purges the Debian package in a fresh Debian, booted with its own systemd
# (systemd-nspawn) and with a network of its own, with simulated terminals at the service.
#
# test-packages.sh [--package FILE] [--old FILE] [--fresh]
#   --package  the package (the one of this version in .build-packages: make deb)
#   --old      one whose program knows the journal's third schema only; made once of an older commit where none is given,
#              which takes a release build
#   --fresh    get the base system anew in place of the one in .build-packages
# Needs root, systemd-container, debootstrap, python3 and a Debian mirror. Ends with 77 and a reason where it cannot run.
set -euo pipefail
cd "$(dirname "$0")/.."
store=$PWD/.build-packages
suite=bookworm
# The last commit whose program knows schemas up to 3.
old_commit=ba8d07e old_schema=3 old_version=0.0.9-1

package='' old=''
while [ $# -gt 0 ]; do
    case "$1" in
        --package) package=$(realpath "$2"); shift ;;
        --old) old=$(realpath "$2"); shift ;;
        --fresh) rm -rf "$store/base-$suite" ;;
        *) echo "unknown option $1" >&2; exit 64 ;;
    esac
    shift
done

skip() { echo "packages were not tested: $*" >&2; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "root is needed (chroot, mounts, a service manager of its own)"
missing=()
command -v systemd-nspawn >/dev/null 2>&1 || missing+=(systemd-container)
command -v debootstrap >/dev/null 2>&1 || missing+=(debootstrap)
command -v python3 >/dev/null 2>&1 || missing+=(python3)
[ ${#missing[@]} -eq 0 ] || skip "apt-get install ${missing[*]}"

if [ -z "$package" ]; then
    version=$(sed -n 's/.*static let current = "\([^"]*\)".*/\1/p' Sources/AttendanceGateway/Version.swift)
    tilde='~' # a pre-release sorts before its release
    package=$(ls -t "$store"/attendance-gateway_"${version//-/$tilde}"-*.deb 2>/dev/null | head -n 1)
    [ -n "$package" ] || { echo "there is no package yet: make deb" >&2; exit 1; }
fi

# MARK: An older package, of the program as it was

if [ -z "$old" ]; then
    old=$store/attendance-gateway_${old_version}_$(dpkg --print-architecture).deb
    if [ ! -e "$old" ]; then
        git cat-file -e "$old_commit^{commit}" 2>/dev/null || skip "commit $old_commit is not here (a shallow clone?), and no --old"
        echo "building the program of $old_commit once, for the upgrade" >&2
        source=$store/source-$old_commit
        git worktree prune
        [ -d "$source" ] || git worktree add --quiet --detach "$source" "$old_commit"
        if [ -e Package.resolved ]; then cp Package.resolved "$source/"; fi
        symbol=$(scripts/icu-data.py "$store/icu-data.o")
        (cd "$source" && swift build -c release --static-swift-stdlib --product attendance-gateway \
            -Xlinker "$store/icu-data.o" -Xlinker --wrap="$symbol" -Xlinker --no-export-dynamic >&2)
        scripts/deb.sh --program "$source/.build/release/attendance-gateway" --version "$old_version" --schema "$old_schema" \
            --out "$store" >/dev/null
        git worktree remove --force "$source"
    fi
fi

# MARK: A fresh Debian

base=$store/base-$suite
if [ ! -e "$base/.complete" ]; then
    rm -rf "$base"
    mkdir -p "$base"
    # Exactly what the package asks for, and an init.
    wanted=$(dpkg-deb -f "$package" Depends | tr ',' '\n' | sed 's/[|(].*//; s/ //g' | paste -sd,)
    debootstrap --variant=minbase --include="systemd-sysv,dbus,$wanted" "$suite" "$base" >"$store/debootstrap.log" 2>&1 ||
        skip "debootstrap failed, see $store/debootstrap.log (is there a mirror?)"
    touch "$base/.complete"
fi

work=$(mktemp -d)
root=$work/root
machine='' init=''
helpers=()
finish() {
    for each in "${helpers[@]}"; do kill "$each" 2>/dev/null || true; done
    if [ -n "$machine" ] && kill -0 "$machine" 2>/dev/null; then
        if [ -n "$init" ]; then kill -s RTMIN+4 "$init" 2>/dev/null || true; fi # poweroff
        for _ in $(seq 100); do kill -0 "$machine" 2>/dev/null || break; sleep 0.1; done
        if [ -n "$init" ]; then kill -KILL "$init" 2>/dev/null || true; fi
        kill -KILL "$machine" 2>/dev/null || true
        wait "$machine" 2>/dev/null || true
    fi
    # Nothing is mounted here from outside; should it be, it stays.
    rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

mkdir -p "$root"
cp -a --reflink=auto "$base/." "$root/"
rm -f "$root/.complete"
install -m 644 "$package" "$root/root/new.deb"
install -m 644 "$old" "$root/root/old.deb"

begun=$(date +%s)
systemd-nspawn --quiet --directory="$root" --register=no --keep-unit --private-network --console=pipe --boot \
    >"$work/console" 2>&1 </dev/null &
machine=$!
for _ in $(seq 300); do
    # The children before it set the stage and go.
    init=$(ps -o pid=,comm= --ppid "$machine" 2>/dev/null | awk '$2 == "systemd" { print $1; exit }' || true)
    if [ -n "$init" ]; then break; fi
    kill -0 "$machine" 2>/dev/null || break
    sleep 0.1
done
[ -n "$init" ] || { tail -n 5 "$work/console" >&2; skip "systemd-nspawn does not start here"; }

# Runs a command inside, for at most 120 s.
inside() {
    timeout --kill-after=5 120 nsenter --target "$init" --mount --uts --ipc --net --pid --root \
        env -i --chdir=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
# Runs a command of this machine in the network of that one.
beside() { nsenter --target "$init" --net "$@"; }

failures=0
say() { printf '%4d s  %s\n' "$(($(date +%s) - begun))" "$*"; }
good() { say "ok    $*"; }
bad() { say "FAIL  $*"; failures=$((failures + 1)); }
# check WORDS COMMAND...: the command succeeds.
check() {
    local words=$1
    shift
    if "$@" >"$work/output" 2>&1; then good "$words"; else bad "$words"; tail -n 15 "$work/output"; fi
}
# within SECONDS COMMAND...: it succeeds within that time.
within() {
    local end=$(($(date +%s) + $1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$end" ] || return 1
        sleep 0.3
    done
}
same() { if [ "$2" = "$3" ]; then good "$1: $2"; else bad "$1: $2, and not $3"; fi; }

unit=attendance-gateway
gateway() { inside setpriv --reuid=$unit --regid=$unit --clear-groups attendance-gateway "$@"; }
property() { inside systemctl show --property="$1" --value $unit; }
# health EXPRESSION: a part of what /health answers, by its keys in Python. Also of programs without the verb.
health() {
    beside python3 -c '
import json, sys, urllib.request
with urllib.request.urlopen("http://127.0.0.1:8080/health", timeout=5) as answer:
    print(eval("json.load(answer)" + sys.argv[1]))' "${1:-}"
}
is_healthy() { [ "$(property ActiveState)" = active ] && [ "$(health '["store"]["status"]')" = writable ]; }
is_another() { [ "$(property MainPID)" != "$1" ] && is_healthy; }
punches() { gateway punches --format json --limit 100000 | grep -c '^{' || true; }
schema() { od -A n -t u1 -j 60 -N 4 "$root/var/lib/$unit/journal.sqlite" | awk '{ print (($1*256+$2)*256+$3)*256+$4 }'; }
simulate() { gateway simulate --rate 0 --people 50 "$@"; }

within 60 inside systemctl is-system-running --wait || true # degraded will do
state=$(inside systemctl is-system-running || true)
case "$state" in running | degraded) good "Debian $(cat "$root/etc/debian_version") with systemd is up ($state)" ;; *)
    tail -n 5 "$work/console" >&2; skip "systemd does not come up here ($state)" ;;
esac
new_version=$(dpkg-deb -f "$package" Version)

echo "== install"
check "dpkg installs $new_version" inside dpkg --install /root/new.deb
tail -n 3 "$work/output" | sed 's/^/        /'
# Nothing below means anything without it.
[ "$failures" -eq 0 ] || exit 1
check "the unit is enabled" inside systemctl is-enabled $unit
check "it is ready with the settings as they come" within 20 is_healthy
check "its log in the journal has levels, and no second time" inside sh -c \
    "journalctl -u $unit -p notice -o cat | grep -q '^listening for terminals' && ! journalctl -u $unit -p err -o cat | grep -q '^listening'"
same "it runs as" "$(inside ps -o user:32= -p "$(property MainPID)" | tr -d ' ')" $unit
same "config.ini" "$(inside stat -c '%U:%G %a' /etc/$unit/config.ini)" "root:$unit 640"
same "the journal's folder" "$(inside stat -c '%U:%G %a' /var/lib/$unit)" "$unit:$unit 700"
same "the log's folder" "$(inside stat -c '%U:%G %a' /var/log/$unit)" "$unit:$unit 750"
same "the log, for the group to read" "$(inside sh -c "stat -c %a /var/log/$unit/attendance.log")" 640
same "it listens to this machine alone" \
    "$(inside sh -c 'cat /proc/net/tcp /proc/net/tcp6' | awk '$4 == "0A" && $2 !~ /^0100007F:/' | wc -l)" 0
same "libraries that are missing" "$(inside ldd /usr/bin/attendance-gateway | grep -c 'not found' || true)" 0
check "completions parse" inside bash -n /usr/share/bash-completion/completions/attendance-gateway

echo "== terminals"
check "two terminals, 100 punches, each acknowledged" simulate --terminals 2 --total 100
tail -n 1 "$work/output" | sed 's/^/        /'
same "punches in the journal" "$(punches)" 100

echo "== watchdog and restart"
first=$(property MainPID)
inside kill -KILL "$first"
check "killed, it is back and ready" within 30 is_another "$first"
same "restarts" "$(property NRestarts)" 1
same "punches in the journal" "$(punches)" 100
mkdir -p "$root/etc/systemd/system/$unit.service.d"
printf '[Service]\nWatchdogSec=4s\n' >"$root/etc/systemd/system/$unit.service.d/watchdog.conf"
inside systemctl daemon-reload
inside systemctl restart $unit
within 20 is_healthy || true
seen=$(property WatchdogTimestampMonotonic)
is_fed() { [ "$(property WatchdogTimestampMonotonic)" -gt "$seen" ]; }
check "it feeds the watchdog" within 10 is_fed
first=$(property MainPID)
inside kill -STOP "$first"
check "stopped dead, the watchdog ends it, and it is back" within 40 is_another "$first"
check "systemd says so" inside sh -c "journalctl -u $unit --no-pager | grep -i 'watchdog timeout'"
rm -r "$root/etc/systemd/system/$unit.service.d"
inside systemctl daemon-reload
inside systemctl restart $unit

echo "== remove, install again, purge"
check "dpkg removes it" inside dpkg --remove $unit
check "no process of its user is left" inside sh -c "! pgrep -u $unit"
check "settings, journal and user stay" inside sh -c "test -s /etc/$unit/config.ini -a -s /var/lib/$unit/journal.sqlite && id $unit"
check "dpkg installs it again" inside dpkg --install /root/new.deb
check "it is ready" within 20 is_healthy
same "punches in the journal" "$(punches)" 100
check "dpkg purges it" inside dpkg --purge $unit
sed 's/^/        /' "$work/output" | tail -n 3
check "settings, log, key and folders are gone" inside sh -c \
    "! ls -d /etc/$unit /var/lib/$unit /var/log/$unit && ! find / -xdev -name vault.key -path '*$unit*' | grep ."
kept=$(cd "$root" && ls -d var/backups/$unit-*)
same "journals that were set aside, for root alone" "$(inside stat -c '%U %a' "/$kept")" "root 700"
check "the journal is among them" test -s "$root/$kept/journal.sqlite"

echo "== upgrade, with a migration and a full queue"
check "dpkg installs $old_version" inside dpkg --install /root/old.deb
check "it is ready" within 20 is_healthy
# The site is away: nothing listens there yet. With it the file is one that somebody has changed.
sed -i -e '0,/^#URL = .*/s||URL = http://127.0.0.1:8000|' -e '0,/^#RetryDelaySec = .*/s||RetryDelaySec = 1|' \
    "$root/etc/$unit/config.ini"
inside systemctl restart $unit
within 20 is_healthy || true
check "three terminals, 3000 punches, each acknowledged" simulate --terminals 3 --total 3000 --batch 20
check "they are approved" gateway terminals approve --all
is_owed() { [ "$(health '["queue"]["owed"]')" = 3000 ]; }
check "3000 are owed to a site that is away" within 60 is_owed
settings=$(md5sum <"$root/etc/$unit/config.ini")
first=$(property MainPID)
check "dpkg upgrades to $new_version" inside dpkg --force-confold --install /root/new.deb
check "it was restarted and is ready" within 30 is_another "$first"
same "schema of the journal" "$(schema)" "$(sed -n 's/^known=//p' <(dpkg-deb --ctrl-tarfile "$package" | tar -xO ./preinst))"
same "punches in the journal" "$(punches)" 3000
same "owed" "$(health '["queue"]["owed"]')" 3000
same "settings are as they were" "$(md5sum <"$root/etc/$unit/config.ini")" "$settings"

echo "== downgrade"
first=$(property MainPID)
if inside dpkg --install /root/old.deb >"$work/output" 2>&1; then bad "an older version was let in"; else good "an older version is refused:"; fi
grep -v '^dpkg\|^Preparing\|^(Reading\|^Errors' "$work/output" | sed 's/^/        /'
same "installed is" "$(inside dpkg-query -W -f '${db:Status-Abbrev} ${Version}' $unit)" "ii  $new_version"
same "the service went on, as process" "$(property MainPID)" "$first"
# Where the package's own refusal is got round, the older program refuses by itself.
mkdir "$root/opt/old"
dpkg-deb --extract "$old" "$root/opt/old"
inside systemctl stop $unit
code=0
gateway_of_old() {
    inside setpriv --reuid=$unit --regid=$unit --clear-groups \
        /opt/old/usr/bin/attendance-gateway serve --config /etc/$unit/config.ini
}
gateway_of_old >"$work/words" 2>&1 || code=$?
same "an older program on this journal ends with" "$code" 69
check "and says why" grep 'newer version' "$work/words"
cut -c 1-250 "$work/output" | sed 's/^/        /'
rm -r "$root/opt/old"
inside systemctl start $unit
check "the newer one is ready again" within 20 is_healthy

echo "== the site is back"
# Not by the function: its process would be a shell's, which leaves a child behind.
nsenter --target "$init" --net python3 scripts/test-packages/site.py 8000 "$work/taken" >/dev/null 2>&1 &
helpers+=($!)
is_settled() { [ "$(health '["queue"]["owed"]')" = 0 ]; }
check "nothing is owed any more" within 120 is_settled
same "check-ins at the site" "$(wc -l <"$work/taken")" 3000
same "different ones" "$(sort -u "$work/taken" | wc -l)" 3000

echo "== a purge of what is owed"
kill "${helpers[0]}"
helpers=()
simulate --terminals 3 --total 60 >/dev/null 2>&1 || bad "the terminals were not served"
check "dpkg purges it" inside dpkg --purge $unit
same "journals that were set aside" "$(cd "$root" && ls -d var/backups/$unit-*/journal.sqlite | wc -l)" 2

echo
if [ $failures -eq 0 ]; then say "all good"; else say "$failures FAILED"; exit 1; fi
