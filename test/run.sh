#!/usr/bin/env bash
# Runs every test once: first those that need no cluster of processes, then the fault tests, one file after the
# other. Ends with "N passed, N failed" and fails when a test failed, was skipped, or when a part ran no test.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch="$(mktemp -d "${TMPDIR:-/tmp}/quorate-test.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT

# What the tests compare Quorate with. The packages bring a service along; it is never started.
install_tools() {
  if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then return; fi
  if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "test/run.sh: redis-server and redis-cli (7.0) are needed on the PATH:" \
      "install them with your package manager, or run as root on Debian" >&2
    exit 1
  fi
  echo "== installing redis-server and redis-tools"
  (
    # Another copy of this script may be installing them right now.
    flock 9
    if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then exit 0; fi
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e "$policy" ]]; then
      printf '#!/bin/sh\nexit 101\n' >"$policy"
      chmod +x "$policy"
      trap 'rm -f "$policy"' EXIT
    else
      trap 'stop_installed' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=300 update -qq
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends redis-server redis-tools \
      </dev/null >"$scratch/apt.log" 2>&1 || {
      cat "$scratch/apt.log" >&2
      exit 1
    }
  ) 9>"${TMPDIR:-/tmp}/quorate-test-install.lock"
}

# A policy of the machine's own may have let the package start its service.
stop_installed() {
  invoke-rc.d redis-server stop >/dev/null 2>&1 || true
}

build() {
  echo "== building"
  npx --no-install tsc -b src jepsen-like
  chmod +x dist/main.js
}

# $1: name of the part; the rest: arguments of vitest. All parts run; test/count.mjs judges them.
run_part() {
  local name="$1" status=0
  shift
  echo "== $name tests"
  npx --no-install vitest run --config test/vitest.config.ts \
    --reporter=json --outputFile.json="$scratch/$name.json" "$@" </dev/null || status=$?
  echo "$status" >"$scratch/$name.exit"
}

install_tools
build
run_part fast --reporter=default --exclude 'test/faults/**' --exclude 'test/chaos/**'
run_part fault --reporter=verbose --no-file-parallelism test/faults/
run_part chaos --reporter=verbose --no-file-parallelism test/chaos/
node test/count.mjs "$scratch" fast fault chaos
