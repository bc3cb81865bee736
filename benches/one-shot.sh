#!/usr/bin/env bash
# The cost of one durable increment and one read, whole process, beside sqlite3 on the same disk; and
# the additional cost of a large store and of a long history. Prints medians of 300 runs each, and
# ratios.
#
# Needs hyperfine and sqlite3. Run nothing else meanwhile. RUNS=50 is quicker; ACTORS and STEPS are
# 100000 each.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${RUNS:-300} actors=${ACTORS:-100000} steps=${STEPS:-100000}

for tool in hyperfine sqlite3; do
  command -v $tool >/dev/null || { echo "error: $tool is not installed" >&2; exit 2; }
done
cargo build --release --bin vactor --example fill
built=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
PATH=$built/release:$PATH
# in the target folder: temporary files may be in memory, where an fsync costs nothing
scratch=$(mktemp -d -p "$built")
trap 'rm -rf "$scratch"' EXIT
vactor build -q actors/counter -o "$scratch/counter.wasm"
cd "$scratch"

echo "filling: ten actors, $actors actors, one actor with $steps steps" >&2
fill=$built/release/examples/fill
"$fill" ten counter.wasm 10 10
"$fill" many counter.wasm "$actors" 10
"$fill" long counter.wasm 10 "$steps"
sqlite3 one.db "CREATE TABLE counter (id TEXT PRIMARY KEY, v INTEGER NOT NULL); INSERT INTO counter VALUES ('a0', 0)"

# pair NAME PEER-COMMAND OUR-COMMAND
pair() {
  hyperfine -N --warmup 20 --runs "$runs" --export-csv "$scratch/pair.csv" -n peer "$2" -n ours "$3" >/dev/null 2>&1
  # columns: command, mean, stddev, median, …
  awk -F, -v name="$1" 'NR == 2 { peer = $4 } NR == 3 { ours = $4 }
    END { printf "%-34s %8.2f ms %8.2f ms   %5.2f\n", name, peer * 1000, ours * 1000, ours / peer }' "$scratch/pair.csv"
}

printf '%-34s %11s %11s   %s\n' "" peer vactor ratio
pair "increment: sqlite3 UPDATE" \
  "sqlite3 one.db \"UPDATE counter SET v = v + 1 WHERE id = 'a0' RETURNING v\"" "vactor -q --store ten call a0 incr"
pair "read: sqlite3 SELECT" \
  "sqlite3 one.db \"SELECT v FROM counter WHERE id = 'a0'\"" "vactor -q --store ten get a0 value"
pair "call, $actors actors, to ten" "vactor -q --store ten call a1 incr" "vactor -q --store many call a1 incr"
pair "get, $actors actors, to ten" "vactor -q --store ten get a1 value" "vactor -q --store many get a1 value"
pair "call, $steps steps, to ten" "vactor -q --store ten call a0 incr" "vactor -q --store long call a0 incr"
pair "get, $steps steps, to ten" "vactor -q --store ten get a0 value" "vactor -q --store long get a0 value"
echo "bytes: counter component $(stat -c %s counter.wasm), stores $(du -sb ten many long | awk '{ printf "%s %s  ", $2, $1 }')"
