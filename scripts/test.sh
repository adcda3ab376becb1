#!/usr/bin/env bash
# Runs the built tests; where some fail, tells which and why once more at the end, after all that the others printed.
#   scripts/test.sh [swift test flags]
set -uo pipefail
cd "$(dirname "$0")/.."
transcript=.build/tests.txt
swift test --skip-build "$@" 2>&1 | tee "$transcript"
result=$?
if [ "$result" -ne 0 ]; then
    printf '\nWhat failed (all of it: %s):\n' "$transcript"
    grep -aE '^✘ Test|^error:|[Ff]atal error|unexpected signal' "$transcript" | cut -c -600 | tail -n 20
fi
exit "$result"
