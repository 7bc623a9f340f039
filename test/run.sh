#!/usr/bin/env bash
# Runs every test once: first those that need no cluster of processes, then the fault tests, one file after the
# other. Ends with "N passed, N failed" and fails when a test failed, was skipped, or when a part ran no test.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch="$(mktemp -d "${TMPDIR:-/tmp}/quorate-test.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT

# What the tests compare Quorate with, and look at pages with: command and Debian package. The
# packages bring services along; none is ever started.
tools=(redis-server:redis-server redis-cli:redis-tools chromium:chromium)

missing_packages() {
  local tool
  for tool in "${tools[@]}"; do
    command -v "${tool%%:*}" >/dev/null || echo "${tool##*:}"
  done
}

install_tools() {
  local packages
  packages="$(missing_packages | tr '\n' ' ')"
  if [[ -z "$packages" ]]; then return; fi
  if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "test/run.sh: needed on the PATH, from the packages: $packages(redis in version 7.0):" \
      "install them with your package manager, or run as root on Debian" >&2
    exit 1
  fi
  echo "== installing $packages"
  (
    # Another copy of this script may be installing them right now.
    flock 9
    packages="$(missing_packages | tr '\n' ' ')"
    if [[ -z "$packages" ]]; then exit 0; fi
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
    # shellcheck disable=SC2086
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $packages \
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
run_part fast --reporter=default --exclude 'test/faults/**' --exclude 'test/chaos/**' --exclude test/simulation/seeds.test.ts
run_part simulation --reporter=verbose test/simulation/seeds.test.ts
run_part fault --reporter=verbose --no-file-parallelism test/faults/
run_part chaos --reporter=verbose --no-file-parallelism test/chaos/
node test/count.mjs "$scratch" fast simulation fault chaos
