# Every target in one line each: make help
SHELL := /bin/sh
# A young generation that neither starts nor ends tiny: docs/distributed.md
NODE_ARGS := --max-semi-space-size=64 --min-semi-space-size=16 --no-memory-reducer --expose-gc
INSTALLED := node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help install build start cluster test check lint format pure lines bench storm fuzz timings contracts contracts-check deploy-check

help: ## Lists the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-16s %s\n", $$1, $$2 }'

install: $(INSTALLED) ## Installs what the lockfile names, when it is not there yet

$(INSTALLED): package-lock.json
	@[ ! -t 1 ] || echo '  Installing packages, once; this takes about half a minute …'
	@npm ci --no-audit --no-fund
	@touch $(INSTALLED)

build: install ## Builds dist/
	@[ ! -t 1 ] || echo '  Building …'
	@node scripts/build.mjs

start: build ## Runs everything in one process, with first executions on a new data folder
	@exec node $(NODE_ARGS) dist/cli/main.js serve

cluster: build ## Runs several processes of every role behind a balancer, over Kafka, gRPC and S3
	@MODELROUTE_TEST_BUILT=1 exec node --import tsx test/cluster/main.ts

test: build ## Runs every test
	@MODELROUTE_TEST_BUILT=1 node --import tsx scripts/run-tests/main.ts

check: install ## Types, lint, house rules and pure specs, in seconds
	@$(MAKE) --no-print-directory -j3 lint format pure

# Types too: .oxlintrc.json says so
lint:
	@node_modules/.bin/oxlint

format:
	@node_modules/.bin/oxfmt --check

pure:
	@node --import tsx scripts/run-tests/main.ts pure

lines: install ## Counts the lines of the product, by room
	@node --import tsx scripts/count-lines.ts

bench: build ## Measures R1 to R16 against baselines (make bench NAME=R1,R3)
	@NAME='$(NAME)' node --import tsx bench/run.ts

storm: build ## kill -9, silence and sick providers under load, one process and a cluster, then the auditor
	@MODELROUTE_TEST_BUILT=1 node --import tsx test/storm/storm.ts
	@MODELROUTE_TEST_BUILT=1 node --import tsx test/cluster/storm.ts

fuzz: build ## Every route by a schema-based fuzzer (FUZZ_EXAMPLES=1000 a route), then hostile clients
	@MODELROUTE_TEST_BUILT=1 node --import tsx test/fuzz/main.ts

timings: build ## Whether the time of an answer tells another tenant's id from a made-up one
	@MODELROUTE_TEST_BUILT=1 node --import tsx test/timings/main.ts

contracts: install ## Writes docs/contracts/ from the schemas
	@node --import tsx scripts/write-contracts.ts

contracts-check: install ## Fails when docs/contracts/ is stale
	@node --import tsx scripts/write-contracts.ts --check

deploy-check: install ## Lints the image, compose, Kubernetes, balancer and alerts, without a daemon
	@node --import tsx scripts/deploy-check.ts
