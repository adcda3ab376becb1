#!/usr/bin/env bash
# The modules' documentation by DocC, into .build/docc (make docc). Any warning ends it: a parameter that is not there, a
# link that leads nowhere, a topic without its symbol. Needs the build's modules (make build), no package and no network.
# Of symbols with access level `package` and above; look at it with: python3 -m http.server -d .build/docc/attendance-gateway.doccarchive
set -euo pipefail
cd "$(dirname "$0")/.."

modules=(Core Store Terminals Delivery Web Gateway Simulation)
bin=$(swift build --show-bin-path)
out=.build/docc
rm -rf "$out"
mkdir -p "$out/graphs"

# Modules in C that ours import through others.
maps=()
for map in .build/checkouts/*/Sources/*/{,include/}module.modulemap "$bin"/*.build/module.modulemap; do
    [ -e "$map" ] || continue
    case "$map" in *GRDBSQLCipher*) ;; *) maps+=(-Xcc "-fmodule-map-file=$PWD/${map#"$PWD"/}") ;; esac
done

archives=()
for part in "${modules[@]}"; do
    module="Attendance$part"
    graphs="$out/graphs/$module"
    mkdir "$graphs"
    swift-symbolgraph-extract -module-name "$module" -I "$bin/Modules" -target "$(uname -m)-unknown-linux-gnu" \
        -minimum-access-level package -skip-synthesized-members "${maps[@]}" -output-dir "$graphs"
    docc convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$graphs" \
        --fallback-display-name "$module" --fallback-bundle-identifier "attendance-gateway.$module" \
        --warnings-as-errors --output-path "$out/$module.doccarchive" | sed '/^$/d'
    archives+=("$out/$module.doccarchive")
done
docc merge "${archives[@]}" --synthesized-landing-page-name "Attendance Gateway" \
    --synthesized-landing-page-kind Package --output-path "$out/attendance-gateway.doccarchive" >/dev/null
rm -rf "$out/graphs" "${archives[@]}"
echo "documentation of ${#modules[@]} modules: $out/attendance-gateway.doccarchive"
