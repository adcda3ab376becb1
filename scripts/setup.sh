#!/usr/bin/env bash
# Sets up what building and testing need beyond Swift itself, on Debian or Ubuntu. Quick when all is there.
# With --browser also Chromium, its driver and letters for all languages of the console, for `make test`; further
# arguments are names of packages that are wanted as well.
set -euo pipefail

if ! command -v swift >/dev/null 2>&1; then
    echo "Swift 6.3 is needed and was not found in PATH: install it from swift.org, then run this again." >&2
    exit 1
fi
version=$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9]+\.[0-9]+' | grep -oE '[0-9]+\.[0-9]+')
case "$version" in
    6.[2-9] | 6.[1-9][0-9]) ;;
    *)
        echo "Swift $version was found; 6.3 is needed (6.2 is the oldest that can read Package.swift)." >&2
        exit 1
        ;;
esac

missing=()
[ -e /usr/include/sqlite3.h ] || missing+=(libsqlite3-dev)
[ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
command -v cc >/dev/null 2>&1 || missing+=(gcc libc6-dev)
if [ "${1:-}" = --browser ]; then
    shift
    command -v chromium >/dev/null 2>&1 || missing+=(chromium)
    command -v chromedriver >/dev/null 2>&1 || missing+=(chromium-driver)
    for language in ar hi; do
        [ -n "$(fc-list ":lang=$language" 2>/dev/null)" ] || { missing+=(fontconfig fonts-noto-core); break; }
    done
fi
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "Installing: ${missing[*]}"
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "Please install as root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    as_root=sudo
fi
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
