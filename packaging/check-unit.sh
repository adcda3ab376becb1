#!/bin/sh
# Checks the systemd unit: no complaint at all from systemd-analyze, and an exposure of at most 1.5 of 10.
# Ends with 0 when it is good, 1 when it is not, 77 when systemd-analyze is not installed.
set -eu
unit=${1:-$(dirname "$0")/attendance-gateway.service}
if ! command -v systemd-analyze >/dev/null 2>&1; then
    echo "systemd-analyze is not installed: the unit was not checked" >&2
    exit 77
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The program need not be installed here: a stand-in takes its place, so that everything else is checked.
printf '#!/bin/sh\n' >"$folder/attendance-gateway"
chmod 755 "$folder/attendance-gateway"
copy="$folder/attendance-gateway.service"
sed "s|^ExecStart=/usr/bin/attendance-gateway|ExecStart=$folder/attendance-gateway|" "$unit" >"$copy"

# verify ends with 0 for keys it does not know: any word of it is a fault.
complaints=$(systemd-analyze verify --man=no "$copy" 2>&1) || true
if [ -n "$complaints" ]; then
    echo "systemd-analyze verify:" >&2
    echo "$complaints" >&2
    exit 1
fi
if ! exposure=$(systemd-analyze security --offline=true --threshold=15 --no-pager "$copy" 2>&1); then
    echo "$exposure" >&2
    exit 1
fi
echo "$exposure" | tail -n 1
