#!/usr/bin/env bash
# Throughput and latency against etcd and Redis. Settings are environment variables: test/bench/options.ts lists them.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec node --import ./test/bench/typescript-loader.mjs test/bench/main.ts "$@"
