#!/usr/bin/env bash
# Sustained durable increments: `vactor batch` beside Redis with an fsync for every write
# (appendfsync always) and sqlite3 (WAL, synchronous=FULL) on the same disk. Prints calls per second,
# and ratios to Redis.
#
# Needs redis-server, redis-benchmark and python3. Run nothing else meanwhile. CALLS=10000 is quicker.
set -euo pipefail
cd "$(dirname "$0")/.."
calls=${CALLS:-100000} port=${PORT:-6390}

for tool in redis-server redis-benchmark python3; do
  command -v $tool >/dev/null || { echo "error: $tool is not installed" >&2; exit 2; }
done
cargo build --release --bin vactor --example fill
built=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
PATH=$built/release:$PATH
# in the target folder: temporary files may be in memory, where an fsync costs nothing
scratch=$(mktemp -d -p "$built")
vactor build -q actors/counter -o "$scratch/counter.wasm"
"$built/release/examples/fill" "$scratch/store" "$scratch/counter.wasm" 1000 1
redis-server --port "$port" --bind 127.0.0.1 --dir "$scratch" --appendonly yes --appendfsync always --save '' \
  >"$scratch/redis.log" &
redis=$!
trap 'kill $redis; wait $redis 2>/dev/null || true; rm -rf "$scratch"' EXIT
cd "$scratch"

lines() { # lines ACTORS: increments of a0 and on, in turn
  awk -v n="$calls" -v m="$1" 'BEGIN { for (i = 0; i < n; i++) printf "{\"actor\":\"a%d\",\"method\":\"incr\"}\n", i % m }'
}
batch() { # batch ACTORS FLAGS: calls per second, and bytes written per call
  lines "$1" >lines
  python3 - "$calls" vactor batch -q --store store "${@:2}" lines <<'END'
import resource, subprocess, sys, time
calls, start = int(sys.argv[1]), time.monotonic()
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
took, used = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{calls / took:.0f} {used.ru_oublock * 512 / calls:.0f} {used.ru_maxrss / 1024:.0f}")
END
}
redis() { # redis CLIENTS KEYS COUNT
  redis-benchmark -p "$port" -c "$1" -n "$3" -r "$2" --csv INCR key:__rand_int__ | tail -1 | cut -d, -f2 | tr -d '"'
}
sqlite() {
  python3 - "$((calls / 5))" <<'END'
import sqlite3, sys, time
base, calls = sqlite3.connect("one.db", isolation_level=None), int(sys.argv[1])
base.execute("PRAGMA journal_mode=WAL"); base.execute("PRAGMA synchronous=FULL")
base.execute("CREATE TABLE counter (id TEXT PRIMARY KEY, v INTEGER)"); base.execute("INSERT INTO counter VALUES ('a0', 0)")
start = time.monotonic()
for _ in range(calls):
    base.execute("UPDATE counter SET v = v + 1 WHERE id = 'a0'")
print(f"{calls / (time.monotonic() - start):.0f}")
END
}

until redis-cli -p "$port" ping >/dev/null 2>&1; do sleep 0.1; done
one_redis=$(redis 1 1 "$((calls / 5))") one=$(sqlite)
read -r one_batch one_bytes _ <<<"$(batch 1 --jobs 1)"
many_redis=$(redis 64 1000 "$calls")
read -r many_batch many_bytes many_memory <<<"$(batch 1000)"
awk -v r="$one_redis" -v s="$one" -v b="$one_batch" -v n="$one_bytes" 'BEGIN {
  printf "one actor:    redis, 1 client %8.0f/s   sqlite3 %8.0f/s   vactor, 1 job %8.0f/s   to redis %.2f   %d bytes a call\n", r, s, b, b / r, n }'
awk -v r="$many_redis" -v b="$many_batch" -v n="$many_bytes" -v m="$many_memory" 'BEGIN {
  printf "1,000 actors: redis, 64 clients %8.0f/s   vactor %8.0f/s   to redis %.2f   %d bytes a call, %d MiB resident\n", r, b, b / r, n, m }'
