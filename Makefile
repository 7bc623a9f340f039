# Quorate. `make help` lists what there is.
SHELL := /bin/bash
DATA ?= .quorate
STAMP := node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: differential help run test verify build bench proto docs clean

help: ## this list
	@echo "Quorate: a strongly consistent cache cluster. Start with README.md."
	@echo
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(STAMP): package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

build: $(STAMP) ## compile to dist/
	npx tsc -b src
	@chmod +x dist/main.js
	@ln -sf ../../dist/main.js node_modules/.bin/quorate

run: build ## a local cluster in the foreground (NODES=3 RANGES=16 BASE_PORT=7000 DATA=.quorate)
	@exec node dist/main.js dev --data $(DATA) $(if $(NODES),--nodes $(NODES)) $(if $(RANGES),--ranges $(RANGES)) $(if $(BASE_PORT),--base-port $(BASE_PORT))

verify: $(STAMP) ## every static check and generated-file check
	npx tsc -b src test
	npx biome check --error-on-warnings .
	npx eslint --config .eslint.config.mjs src test --max-warnings 0
	npx depcruise --config .dependency-cruiser.cjs src
	npx knip
	npx buf lint proto
	node dist/main.js docs --check

test: verify ## everything that CI runs
	@bash test/run.sh

bench: build ## throughput and latency against etcd and Redis in one interleaved run
	@bash test/bench/run.sh

differential: build ## random commands against a real redis-server (COMMANDS=1000000 SEED=1)
	COMMANDS=$(or $(COMMANDS),1000000) $(if $(SEED),SEED=$(SEED)) npx vitest run --config test/vitest.config.ts test/interop/random-differential.test.ts

proto: $(STAMP) ## lint the public .proto files
	npx buf lint proto

docs: build ## write the generated documents again
	node dist/main.js docs

clean: ## remove what was built
	rm -rf dist node_modules
