# Quorate. `make help` lists what there is.
SHELL := /bin/bash
DATA ?= .quorate
STAMP := node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: help run test verify build sim mutants differential chaos chaos-all chaos-mutants failover bench bench-store bench-eviction proto docs clean

help: ## this list
	@echo "Quorate: a strongly consistent cache cluster. Start with README.md."
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

build: $(STAMP) ## compile to dist/
	npx tsc -b src jepsen-like
	@chmod +x dist/main.js
	@ln -sf ../../dist/main.js node_modules/.bin/quorate

run: build ## a local cluster in the foreground (NODES=3 RANGES=16 BASE_PORT=7000 DATA=.quorate)
	@exec node dist/main.js dev --data $(DATA) $(if $(NODES),--nodes $(NODES)) $(if $(RANGES),--ranges $(RANGES)) $(if $(BASE_PORT),--base-port $(BASE_PORT))

verify: $(STAMP) ## every static check and generated-file check
	npx tsc -b src jepsen-like test
	npx biome check --error-on-warnings .
	npx eslint --config .eslint.config.mjs src jepsen-like test --max-warnings 0
	npx depcruise --config .dependency-cruiser.cjs src jepsen-like
	npx knip
	npx buf lint proto
	node dist/main.js docs --check

test: verify ## everything that CI runs
	@bash test/run.sh

mutants: $(STAMP) ## wrong lines, each of which the tests must notice (ONLY=, BUDGET= seconds each, JOBS=, BY=simulation)
	@node --import ./test/bench/typescript-loader.mjs test/mutants/main.ts

sim: $(STAMP) ## whole clusters from seeds in simulated time (SEEDS= how many, SEED= one with its trace, BUDGET= seconds)
	@node --import ./test/bench/typescript-loader.mjs test/simulation/main.ts

bench: build ## throughput and latency against etcd and Redis in one interleaved run
	@bash test/bench/run.sh

bench-store: build ## memory, operations and stalls of the store against redis-server and memcached (ENTRIES=5000000)
	@bash test/bench/store-run.sh

bench-eviction: build ## hit ratio of each eviction policy on each trace, beside redis-server
	@node --import ./test/bench/typescript-loader.mjs test/bench/eviction/main.ts

chaos: build ## harm a cluster and judge it (WORKLOAD=register NEMESIS=kill MIX=1 DURATION=60 SEED=any NODES=3)
	@node dist/main.js chaos $(if $(WORKLOAD),--workload $(WORKLOAD)) $(if $(NEMESIS),--nemesis $(NEMESIS)) $(if $(MIX),--mix $(MIX)) $(if $(DURATION),--duration $(DURATION)) $(if $(SEED),--seed $(SEED)) $(if $(NODES),--nodes $(NODES))

chaos-all: build ## every workload under mixes of two to four faults; goes on where it was (MINUTES=90 DURATION=60 SEED=1 OUT=.chaos/all)
	@node dist/jepsen-like/all-mixes/main.js

chaos-mutants: build ## wrong lines in a built copy, each of which chaos must find out (ONLY=, BUDGET= seconds each)
	@node dist/jepsen-like/mutants/main.js

failover: build ## from a leader's kill to the next acknowledged write, against etcd (KILLS=100)
	@node dist/jepsen-like/failover/main.js

differential: build ## random commands against a real redis-server (COMMANDS=1000000 SEED=any)
	COMMANDS=$(or $(COMMANDS),1000000) SEED=$(or $(SEED),$$RANDOM) npx vitest run --config test/vitest.config.ts test/interop/random-differential.test.ts

proto: $(STAMP) ## lint the public .proto files
	npx buf lint proto

docs: build ## write the generated documents again
	node dist/main.js docs

clean: ## remove what was built
	rm -rf dist node_modules
