#!/usr/bin/env bash
# The cost of waits: a method that starts 10, 100 and 1,000 tasks and waits for each, per child; the
# time from `emit` to the result in `wait`; and the memory of a worker while 10,000 actors wait for an
# event.
#
# Needs hyperfine. Run nothing else meanwhile. ACTORS=1000 is quicker.
set -euo pipefail
cd "$(dirname "$0")/.."
actors=${ACTORS:-10000}

command -v hyperfine >/dev/null || { echo "error: hyperfine is not installed" >&2; exit 2; }
cargo build --release --bin vactor --example fill
built=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
PATH=$built/release:$PATH
# in the target folder: temporary files may be in memory, where an fsync costs nothing
scratch=$(mktemp -d -p "$built")
trap 'kill "${worker:-}" 2>/dev/null || true; rm -rf "$scratch"' EXIT
vactor build -q actors/probe -o "$scratch/probe.wasm"
cd "$scratch"
export VACTOR_WORKER=off
vactor -q register probe probe.wasm
vactor -q create probe parent

for n in 10 100 1000; do
  hyperfine -N --warmup 1 --runs 10 --export-csv children.csv "vactor -q call parent sum_of_squares $n" >/dev/null 2>&1
  awk -F, -v n="$n" 'NR == 2 { printf "%5d children: %8.2f ms, %.2f ms a child\n", n, $4 * 1000, $4 * 1000 / n }' children.csv
done

echo "making $actors actors that wait for an event" >&2
for ((i = 0; i < actors; i++)); do echo "$i"; done | xargs -P 2 -I{} sh -c 'vactor -q create probe w{} && vactor -q call --async w{} take go >/dev/null'
vactor -q worker &
worker=$!
while vactor ps --status queued --limit 1 --json | grep -q .; do sleep 0.2; done
awk -v n="$actors" '/^VmRSS|^Threads/ { printf "%s %s %s  ", $1, $2, $3 } END { printf "with %d that wait\n", n }' "/proc/$worker/status"
before=$(awk '{ print $14 + $15 }' "/proc/$worker/stat")
sleep 10
echo "clock ticks that the worker used in 10 s: $(($(awk '{ print $14 + $15 }' "/proc/$worker/stat") - before))"
printf '%s\n' '#!/bin/sh' 'i=$(cat next); echo $((i + 1)) >next' \
  'vactor -q emit "w$i" go "\"x\"" && exec vactor -q wait "w$i#2"' >emitted
printf '%s\n' '#!/bin/sh' 'i=$(cat next); vactor -q get parent value && exec vactor -q get parent status' >nothing
chmod +x emitted nothing
echo 0 >next
hyperfine -N --warmup 10 --runs 100 --export-csv emit.csv -n nothing ./nothing -n emit ./emitted >/dev/null 2>&1
awk -F, 'NR == 2 { none = $4 } NR == 3 { printf "emit, then wait: %.2f ms; two reads as whole processes: %.2f ms\n", $4 * 1000, none * 1000 }' emit.csv
