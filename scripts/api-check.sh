#!/usr/bin/env bash
# Holds a running gateway against its own OpenAPI document: a property-based tester (schemathesis, from PyPI) calls
# everything with what fits and what does not, as an administrator, as somebody who may only read, as somebody who is
# limited to one group, and as nobody. Fails on any answer that the document does not tell of, any 5xx, and any data
# without a right. Arguments: further ones for schemathesis; API_CHECK_EXAMPLES: how many of each call (5).
set -euo pipefail
cd "$(dirname "$0")/.."
program=$PWD/.build/debug/attendance-gateway
[ -x "$program" ] || { echo "build it first: make build" >&2; exit 1; }

tools=$PWD/.build/api-check
if ! "$tools/bin/schemathesis" --version >/dev/null 2>&1; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check \
        'schemathesis==4.32.5' 'openapi-spec-validator>=0.7,<1'
fi

folder=$(mktemp -d)
started=()
finish() {
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT

# A receiver of punches that refuses some of them, so that there is something to find everywhere.
python3 scripts/api-check/receiver.py > "$folder/receiver" &
started+=($!)
read -r terminals console < <(python3 - <<'PYTHON'
import socket
sockets = [socket.socket() for _ in range(2)]
for each in sockets: each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in sockets))
PYTHON
)
for _ in $(seq 100); do [ -s "$folder/receiver" ] && break; sleep 0.1; done

cat > "$folder/config.ini" <<INI
[Server]
Host = 127.0.0.1
Port = $terminals
[Console]
Port = $console
RequestsPerMinute = 1000000
[Webhook receiver]
URL = http://127.0.0.1:$(cat "$folder/receiver")/punches
BatchSize = 1
[Terminals]
TimeZone = Asia/Kolkata
Unknown = accept
[Group North]
[Terminal SIM000001]
Name = Main <door>
Group = North
[People]
Collect = yes
[Backup]
Directory = $folder/backups
[Store]
Directory = $folder/data
[Logging]
LogDirectory = $folder/logs
INI
gateway() { "$program" "$@" --config "$folder/config.ini"; }

# Not by the function: its shell would be ended instead of the gateway.
"$program" serve --config "$folder/config.ini" > "$folder/output" 2>&1 &
started+=($!)
api=http://127.0.0.1:$console/api/v1
for _ in $(seq 300); do curl -sf -o "$folder/openapi.json" "$api/openapi.json" && break; sleep 0.2; done
"$tools/bin/openapi-spec-validator" "$folder/openapi.json"

issue() { gateway tokens issue "$@" 2>/dev/null | head -n 1; }
all=$(issue administrator --scope administer --scope read --scope deliveries --scope terminals --scope people)
reader=$(issue reader --scope read)
limited=$(issue limited --scope read --scope deliveries --scope terminals --scope people --group North)
"$program" simulate --port "$terminals" --terminals 3 --people 20 --total 120 --rate 0 --odd 0.1 --seed 1 >/dev/null 2>&1
call() {
    curl -sf -o /dev/null -H "Authorization: Bearer $all" -H 'Content-Type: application/json' "$@"
}
call -d '{"persons":[{"person":"1","name":"Asha <script>","card":"4711"},{"person":"2"}]}' "$api/persons"
call -d '{"name":"asha","password":"a long and quiet evening","role":"administrator"}' "$api/accounts"
call -d '{"kind":"pin","person":"1","terminal":"SIM000001","until":"2099-01-01"}' "$api/codes" || true

# The answer to each call, whoever asks, within bounds that keep all of it to a few minutes.
run() {
    local who=$1 token=$2
    shift 2
    echo "== as $who"
    local headers=()
    [ -z "$token" ] || headers=(--header "Authorization: Bearer $token")
    API_CHECK_WHO=$who SCHEMATHESIS_HOOKS=hooks PYTHONPATH=scripts/api-check \
        "$tools/bin/schemathesis" --config-file scripts/api-check/schemathesis.toml run "$api/openapi.json" \
        --checks all --exclude-checks positive_data_acceptance \
        --phases examples,coverage,fuzzing --max-examples "${API_CHECK_EXAMPLES:-5}" --seed 1 --workers 2 \
        --suppress-health-check all --no-color "${headers[@]}" "$@"
}
# What is endless, ends the tester's own right, or takes seconds each time is called by tests of its own.
own=(--exclude-operation-id streamEvents --exclude-operation-id revokeToken --exclude-operation-id rotateVault
    --exclude-operation-id setPassword --exclude-operation-id createAccount)
run administrator "$all" "${own[@]}" "$@"
run reader "$reader" --exclude-operation-id streamEvents "$@"
run limited "$limited" --exclude-operation-id streamEvents "$@"
run nobody "" "$@"
grep -E " (ERROR|CRITICAL) " "$folder"/logs/attendance.log && { echo "the log has errors" >&2; exit 1; }
echo "the API keeps to its document"
