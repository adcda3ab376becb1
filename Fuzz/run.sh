#!/bin/sh
# Fuzzes the reading of terminal frames with libFuzzer and the address sanitizer.
# usage: Fuzz/run.sh [seconds, default 60]      needs only the Swift toolchain; a finding is left in .build-fuzz/
set -eu
cd "$(dirname "$0")/.."
out=.build-fuzz
mkdir -p "$out/corpus"
# -parse-as-library and the sanitizer's own main: the harness is a function, not a program.
# shellcheck disable=SC2046  # no name in Sources holds a blank
swiftc -parse-as-library -O -wmo -swift-version 6 -enable-upcoming-feature ExistentialAny \
    -package-name fuzz -sanitize=fuzzer,address -o "$out/frame-fuzz" \
    $(find Sources/AttendanceCore -name '*.swift') Fuzz/FrameFuzz.swift
cat > "$out/words.txt" <<'WORDS'
"\"cmd\""
"\"ret\""
"\"sn\""
"\"sendlog\""
"\"reg\""
"\"devinfo\""
"\"record\""
"\"enrollid\""
"\"time\""
"\"image\""
"\"temp\""
"\"2026-11-22 08:01:09\""
"\\u"
"\\ud83d\\ude00"
"NaN"
"-Infinity"
"1e2"
"\xEF\xBB\xBF"
WORDS
exec "$out/frame-fuzz" -max_total_time="${1:-60}" -max_len=4096 -timeout=5 -dict="$out/words.txt" \
    -artifact_prefix="$out/" -print_final_stats=1 "$out/corpus" Tests/AttendanceCoreTests/Fixtures/frames
