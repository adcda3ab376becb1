#!/usr/bin/env bash
# Takes pictures of the console's main pages for the documentation, into docs/images: with simulated terminals and a
# simulated ERPNext, in Chromium. Nothing leaves this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --browser
swift build --build-tests
ATTENDANCE_SCREENSHOTS="$PWD/docs/images" swift test --skip-build --filter 'ScreenshotTests'
ls -l docs/images
