#!/usr/bin/env bash
# Writes packaging/config.ini and the tables of docs/settings.md, docs/commands.md and docs/api.md anew from the code that
# defines the settings, the commands and the calls of the API.
# The tests fail when they differ.
set -euo pipefail
cd "$(dirname "$0")/.."
program=.build/debug/attendance-gateway
"$program" check-config --print-sample > packaging/config.ini
tables=$("$program" check-config --print-reference)
{
    sed '/^<!-- The tables:/q' docs/settings.md
    printf '\n%s\n\n<!-- End of the tables -->\n' "${tables#$'\n'}"
} > docs/settings.md.new
mv docs/settings.md.new docs/settings.md

commands=$("$program" check-config --print-commands)
{
    sed '/^<!-- The commands:/q' docs/commands.md
    printf '\n%s\n\n<!-- End of the commands -->\n' "${commands#$'\n'}"
} > docs/commands.md.new
mv docs/commands.md.new docs/commands.md

calls=$("$program" check-config --print-api)
{
    sed '/^<!-- The calls:/q' docs/api.md
    printf '\n%s\n\n<!-- End of the calls -->\n' "${calls#$'\n'}"
} > docs/api.md.new
mv docs/api.md.new docs/api.md
