# Each target is one script, which installs what it needs, says what it does, and is quick when nothing is to be done.
# Caches (compiled dependencies, servers for tests, tools) lie in ~/.cache/hubtally; see scripts/env.sh.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help build demo test faults lint check-html bench dist clean

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

build: ## builds the binary: bin/hubtally (PROFILE=release for a fast one)
	@scripts/build.sh

demo: ## builds, closes a sample month in demo/, shows the result
	@scripts/demo.sh

test: ## runs every test, with the servers that they need
	@scripts/install-test-deps.sh
	@scripts/test.sh

faults: ## what takes longer: workers killed beside a real Kafka (KILLS=200), Prometheus 2 and 3 (version 3 is built once, ten minutes)
	@scripts/install-test-deps.sh
	@scripts/faults.sh

lint: ## formatting, spelling, licences, clippy
	@scripts/lint.sh

check-html: ## checks the statements of the sample month in a browser
	@scripts/check-html.sh

bench: ## measures the figures of docs/performance.md (release build; FIGURES="metering seal" for some)
	@scripts/install-test-deps.sh
	@scripts/bench.sh $(FIGURES)

dist: ## makes dist/hubtally-<version>-x86_64-linux.tar.gz, which runs without Rust
	@scripts/dist.sh

clean: ## removes what make left in this folder; the caches stay
	rm -rf bin demo dist
