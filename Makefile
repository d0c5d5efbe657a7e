# The commands of this project. `make` alone lists them. Nothing has to be prepared: each makes what it needs first
# (.venv here; real MCP servers and Node.js under $REMIT_CACHE, default ~/.cache/remit), and a second run finds it made.
# PYTHON=/path/to/python3.11 picks the interpreter, PYTEST_ARGS="-x -k name" goes to pytest, JOBS=0 runs tests in one process.

BIN := .venv/bin
JOBS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST_ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup peers programs demo test test-engines check lint format bench attack docs screens lock clean
.NOTPARALLEL:

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

setup: ## make .venv from the lock file
	@tools/setup

peers: setup ## install the real MCP servers the demo and the tests talk to
	@$(BIN)/python tools/prepare_peers.py

programs: ## install the browser and the web server the tests drive, as root; else say what to install
	@tools/programs

demo: setup ## one governed call allowed, others denied, one revoked half-way: real client, real servers
	@$(BIN)/python tools/prepare_peers.py git time filesystem everything
	@$(BIN)/remit demo --once

test: lint peers programs ## everything: what check does, then every test but those that need a heavy engine
	@$(PYTEST)

test-engines: setup ## tests against heavy external engines (databases, brokers, identity providers)
	@tools/test_engines

check: lint ## lint, format, types, import direction, house rules; no network
	@$(PYTEST) -q tests/tidy

lint: setup
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "not formatted: 'make format' does it" >&2; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## format and apply the safe lint fixes
	@$(BIN)/ruff format --quiet
	@$(BIN)/ruff check --fix

bench: setup ## latency and throughput against a direct call and a plain proxy
	@$(BIN)/python bench/run.py $(BENCH_ARGS)

attack: setup ## one file per threat, each denial beside its success twin
	@$(PYTEST) tests/attack

docs: setup ## write the generated reference pages, then check every link, setting, reason, command and example
	@$(BIN)/python -m tools.make_docs
	@$(PYTEST) tests/docs

screens: setup ## take the pictures of the pages in docs/screens again; needs Chromium
	@$(BIN)/python -m tests.peers.screens

lock: setup ## resolve the newest versions the ranges allow, with hashes, into the lock files
	@tools/relock

clean: ## remove what was made in this checkout; the cache outside it stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "kept: $${REMIT_CACHE:-$$HOME/.cache/remit} (servers and Node.js shared between checkouts)"
