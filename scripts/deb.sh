#!/usr/bin/env bash
# Builds the Debian package of attendance-gateway from a program with Swift's runtime linked in (`make static`).
#
# deb.sh [--program FILE] [--version VERSION] [--schema N] [--out FOLDER]
#   --program   the program (.build-static/release/attendance-gateway)
#   --version   the package's version (that of Version.swift, and -1; DEB_REVISION says otherwise)
#   --schema    the journal's newest schema that the program knows (read from a journal that it makes)
#   --out       where the package goes (.build-packages)
# DEB_COMPRESSION: xz (what a release is), zstd or none, which are quick.
# Prints the package's path alone on standard output. Ends with 77 where dpkg is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

program=.build-static/release/attendance-gateway
version=
schema=
out=.build-packages
while [ $# -gt 0 ]; do
    case "$1" in
        --program) program=$2 ;;
        --version) version=$2 ;;
        --schema) schema=$2 ;;
        --out) out=$2 ;;
        *) echo "unknown option $1" >&2; exit 64 ;;
    esac
    shift 2
done
maximum_kib=$((90 * 1024))

say() { echo "deb: $*" >&2; }
fail() { say "$*"; exit 1; }
for tool in dpkg-deb dpkg-shlibdeps; do
    command -v $tool >/dev/null 2>&1 || { say "$tool is not installed (dpkg-dev): no package was built"; exit 77; }
done
command -v python3 >/dev/null 2>&1 || fail "python3 is needed for the man pages"
[ -x "$program" ] || fail "there is no $program: make static"
architecture=$(dpkg --print-architecture)
if [ -z "$version" ]; then
    version=$(sed -n 's/.*static let current = "\([^"]*\)".*/\1/p' Sources/AttendanceGateway/Version.swift)
    [ -n "$version" ] || fail "Version.swift tells no version"
    # A pre-release sorts before its release.
    tilde='~'
    version=${version//-/$tilde}-${DEB_REVISION:-1}
fi
# The commit's time, so that the same commit gives the same package.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
day=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)

work=$(mktemp -d)
running=
finish() {
    if [ -n "$running" ]; then kill -KILL "$running" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT
root=$work/root
umask 022
put() { install -D -m "$1" "$2" "$root/$3"; }

# Program.
install -D -m 755 "$program" "$root/usr/bin/attendance-gateway"
# --strip-unneeded keeps what the dynamic linker wants; Swift's metadata is data and stays.
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/attendance-gateway"
made=$root/usr/bin/attendance-gateway
if needed=$(ldd "$made" | grep -E 'libswift|libFoundation|lib_Foundation|libdispatch|not found'); then
    fail "Swift's runtime is not linked in: $needed"
fi

# What the program makes tells its schema; that it makes a journal at all is the first test of what was stripped.
if [ -z "$schema" ]; then
    mkdir -p "$work/try"
    env -i PATH="$PATH" HOME="$work/try" "$made" check-config --print-sample >/dev/null || fail "the program does not run"
    : >"$work/try/config.ini"
    (cd "$work/try" && exec env -i PATH="$PATH" HOME="$work/try" "$made" serve --config "$work/try/config.ini" \
        --set Server.Host=127.0.0.1 --set Server.Port=0 --set Console.Enabled=no >"$work/try/output" 2>&1) &
    running=$!
    for _ in $(seq 300); do
        if "$made" health --live --config "$work/try/config.ini" --set Server.Host=127.0.0.1 >/dev/null 2>&1; then break; fi
        kill -0 "$running" 2>/dev/null || break
        sleep 0.2
    done
    kill -TERM "$running" 2>/dev/null || true
    wait "$running" || { cat "$work/try/output" >&2; fail "the program does not start"; }
    running=
    schema=$(od -A n -t u1 -j 60 -N 4 "$work/try/data/journal.sqlite" | awk '{ print (($1*256+$2)*256+$3)*256+$4 }')
    [ "${schema:-0}" -gt 0 ] || fail "the journal's header tells no schema"
fi
say "attendance-gateway $version, $architecture, schemas up to $schema"

# Service, settings.
put 644 packaging/attendance-gateway.service usr/lib/systemd/system/attendance-gateway.service
sed -i '/^# attendance-gateway under systemd/,/^$/d' "$root/usr/lib/systemd/system/attendance-gateway.service"
put 644 packaging/sysusers.conf usr/lib/sysusers.d/attendance-gateway.conf
"$made" check-config --print-sample >"$work/sample.ini"
awk -f packaging/debian/settings.awk "$work/sample.ini" >"$work/config.ini"
put 644 "$work/config.ini" etc/attendance-gateway/config.ini

# Man pages and completions, from the program itself.
"$made" --experimental-dump-help >"$work/help.json"
export VERSION=${version%-*} DATE=$day
scripts/manual.py command "$work/help.json" | gzip -9n >"$work/attendance-gateway.1.gz"
scripts/manual.py settings "$work/sample.ini" | gzip -9n >"$work/config.ini.5.gz"
put 644 "$work/attendance-gateway.1.gz" usr/share/man/man1/attendance-gateway.1.gz
put 644 "$work/config.ini.5.gz" usr/share/man/man5/config.ini.5.gz
for shell in bash zsh fish; do "$made" --generate-completion-script $shell >"$work/completion.$shell"; done
sed -i '1{/^#!/d}' "$work/completion.bash"
put 644 "$work/completion.bash" usr/share/bash-completion/completions/attendance-gateway
put 644 "$work/completion.zsh" usr/share/zsh/vendor-completions/_attendance-gateway
put 644 "$work/completion.fish" usr/share/fish/vendor_completions.d/attendance-gateway.fish

# Papers.
documents=usr/share/doc/attendance-gateway
for page in docs/*.md docs/decisions/*.md; do put 644 "$page" "$documents/$page"; done
put 644 "$work/sample.ini" "$documents/examples/config.ini"
if [ -d packaging/monitoring ]; then
    for file in packaging/monitoring/*; do
        case "$file" in *.sh) ;; *) [ -f "$file" ] && put 644 "$file" "$documents/examples/monitoring/${file##*/}" ;; esac
    done
fi
put 644 packaging/debian/copyright "$documents/copyright"
gzip -9n <CHANGELOG.md >"$work/changelog.gz"
put 644 "$work/changelog.gz" "$documents/changelog.gz"
maintainer=$(sed -n 's/^Maintainer: //p' packaging/debian/control.in)
{
    printf 'attendance-gateway (%s) unstable; urgency=medium\n\n' "$version"
    printf '  * See changelog.gz for what is new in %s.\n\n' "${version%-*}"
    printf ' -- %s  %s\n' "$maintainer" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$work/changelog.Debian.gz"
put 644 "$work/changelog.Debian.gz" "$documents/changelog.Debian.gz"
# Licences and notices of what is linked in, where they are not Apache-2.0 word for word.
checkouts=$(dirname "$(dirname "$program")")/checkouts
[ -d "$checkouts" ] || checkouts=.build/checkouts
{
    printf 'The Swift runtime (Apache-2.0 with Runtime Library Exception) and these packages are linked in.\n'
    for package in "$checkouts"/*/; do
        [ -d "$package" ] || continue
        name=$(basename "$package")
        printf '\n==== %s\n' "$name"
        for paper in "$package"LICENSE* "$package"NOTICE*; do
            [ -f "$paper" ] || continue
            if grep -q 'Apache License' "$paper" && [ "${paper##*/NOTICE}" = "$paper" ]; then
                printf 'Apache-2.0\n'
            else
                printf '\n'
                cat "$paper"
            fi
        done
    done
} | gzip -9n >"$work/notices.gz"
put 644 "$work/notices.gz" "$documents/notices.gz"

put 644 packaging/debian/lintian-overrides usr/share/lintian/overrides/attendance-gateway

# Control.
mkdir -p "$root/DEBIAN" "$work/shlibs/debian"
printf 'Source: attendance-gateway\n\nPackage: attendance-gateway\nArchitecture: any\n' >"$work/shlibs/debian/control"
depends=$(cd "$work/shlibs" && dpkg-shlibdeps -O -e"$made" 2>"$work/shlibs/words" | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { cat "$work/shlibs/words" >&2; fail "the libraries' packages are not known"; }
installed=$(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f1)
[ "$installed" -lt "$maximum_kib" ] || fail "$installed KiB installed, and $maximum_kib is the limit"
fill() {
    sed -e "s|@VERSION@|$version|" -e "s|@ARCHITECTURE@|$architecture|" -e "s|@INSTALLED_SIZE@|$installed|" \
        -e "s|@DEPENDS@|$depends|" -e "s|@SCHEMA@|$schema|" "$1"
}
fill packaging/debian/control.in >"$root/DEBIAN/control"
fill packaging/debian/preinst.in >"$root/DEBIAN/preinst"
chmod 755 "$root/DEBIAN/preinst"
for script in postinst prerm postrm; do install -m 755 packaging/debian/$script "$root/DEBIAN/$script"; done
echo /etc/attendance-gateway/config.ini >"$root/DEBIAN/conffiles"
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
find "$root" -type d -exec chmod 755 {} +
chmod 644 "$root/DEBIAN"/{control,conffiles,md5sums}

mkdir -p "$out"
package=$out/attendance-gateway_${version}_$architecture.deb
dpkg-deb --root-owner-group -Z"${DEB_COMPRESSION:-xz}" --build "$root" "$package" >&2
say "$((installed / 1024)) MiB installed, $(($(stat -c %s "$package") / 1048576)) MiB to load"
echo "$package"
