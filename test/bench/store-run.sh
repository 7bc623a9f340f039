#!/usr/bin/env bash
# The store in process, beside redis-server and memcached: bytes per entry, operations, stalls. ENTRIES=5000000
set -euo pipefail
cd "$(dirname "$0")/../.."
exec node --import ./test/bench/typescript-loader.mjs test/bench/store-main.ts "$@"
