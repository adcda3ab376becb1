#!/bin/sh
# Checks the alert rules, and each query of the dashboard, with promtool. 77: promtool is not installed.
set -eu
cd "$(dirname "$0")"
if ! command -v promtool >/dev/null 2>&1; then
    echo "promtool is not installed (Debian: prometheus): the alert rules were not checked" >&2
    exit 77
fi
promtool check rules alerts.yml
promtool test rules alerts.test.yml
# The dashboard's queries become rules of a file that is checked and thrown away.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{
    printf 'groups:\n  - name: dashboard\n    rules:\n'
    sed -n 's/^ *"expr": "\(.*\)",$/\1/p' dashboard.json | sed 's/\\"/"/g; s/\$__rate_interval/5m/g; s/\$instance/.*/g; s/'"'"'/&&/g' |
        while IFS= read -r query; do
            printf "      - record: dashboard:query\n        expr: '%s'\n        labels: {number: \"%s\"}\n" "$query" "$((number = ${number:-0} + 1))"
        done
} >"$folder/dashboard.yml"
promtool check rules "$folder/dashboard.yml"
