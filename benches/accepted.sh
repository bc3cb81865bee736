#!/usr/bin/env bash
# The cost of a queued call: `call --async` beside a blocking `call`, whole process; the time from
# `--async` to the result in `wait`, with a running worker; and the bytes that reach the disk, per step.
#
# Needs hyperfine and Linux (bytes are those of /proc/PID/io). Run nothing else meanwhile. RUNS=50 is
# quicker.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${RUNS:-300}

command -v hyperfine >/dev/null || { echo "error: hyperfine is not installed" >&2; exit 2; }
cargo build --release --bin vactor --example fill
built=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
PATH=$built/release:$PATH
# in the target folder: temporary files may be in memory, where an fsync costs nothing
scratch=$(mktemp -d -p "$built")
trap 'kill "${worker:-}" 2>/dev/null || true; rm -rf "$scratch"' EXIT
vactor build -q actors/counter -o "$scratch/counter.wasm"
cd "$scratch"
"$built/release/examples/fill" store counter.wasm 2000 10
export VACTOR_STORE=$scratch/store VACTOR_WORKER=off

# pair NAME ONE OTHER: medians and the ratio of the other to the one
pair() {
  hyperfine "$4" --warmup 20 --runs "$runs" --export-csv pair.csv -n one "$2" -n other "$3" >/dev/null 2>&1
  awk -F, -v name="$1" 'NR == 2 { one = $4 } NR == 3 { other = $4 }
    END { printf "%-44s %8.2f ms %8.2f ms   %5.2f\n", name, one * 1000, other * 1000, other / one }' pair.csv
}
pair "call, and call --async with no worker" "vactor -q call a0 incr" "vactor -q call --async a1 incr" -N
vactor -q worker --until-idle

vactor -q worker &
worker=$!
printf '%s\n' '#!/bin/sh' 'exec vactor -q wait "$(vactor -q call --async a2 incr)"' >through
printf '%s\n' '#!/bin/sh' 'exec true "$(vactor -q call a3 incr)"' >direct
chmod +x through direct
pair "call, and call --async then wait" ./direct ./through -N
kill $worker && wait $worker || true
worker=

written() { # written STEPS COMMAND…: bytes a step, of a shell that waits for the command
  bash -c 'n=$1; shift; before=$(awk "/^write_bytes/ { print \$2 }" /proc/$$/io)
    "$@" >/dev/null; after=$(awk "/^write_bytes/ { print \$2 }" /proc/$$/io); echo $(((after - before) / n))' - "$@"
}
awk 'BEGIN { for (i = 0; i < 10000; i++) printf "{\"actor\":\"a%d\",\"method\":\"incr\"}\n", i % 1000 }' >many
awk 'BEGIN { for (i = 0; i < 10000; i++) print "{\"actor\":\"a4\",\"method\":\"incr\"}" }' >one
echo "bytes written a step: one call $(written 1 vactor -q call a4 incr), batch on one actor $(written 10000 vactor -q batch one)," \
  "batch on 1,000 actors $(written 10000 vactor -q batch many)"
