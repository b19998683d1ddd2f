# `make help` lists what there is. Everything works as root and as an ordinary user, twice in a
# row, and without a network once it has been set up.

CONFIG ?= config
DIALPLANS ?= dialplans
# Added to every port, so that two copies run side by side: make run PORT_OFFSET=100
PORT_OFFSET ?=
# More arguments for pytest: make test ARGS="-k router"
ARGS ?=
# Test files run side by side: calls take their time, the processors have little to do meanwhile.
# Those with calls come first (no reorder), so that nobody waits for the last of them at the end.
# Their folder has a short name, since a control socket's path may not be long; it is kept on failure.
WORKERS ?= 3

# Only variables given to make reach scripts/setup: make setup PYTHON=/opt/python3.13/bin/python3
ifdef PYTHON
export PYTHON
endif

.DEFAULT_GOAL := help
.PHONY: help setup asterisk run demo fast test bench faults check clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## .venv, the locked packages, and a private Asterisk when the PATH has none >= 20
	@scripts/setup runtime

asterisk: setup

run: setup ## start Asterisk and the service here, on loopback; Ctrl-C stops both
	@exec .venv/bin/acd run --config "$(CONFIG)" --dialplans "$(DIALPLANS)" $(if $(PORT_OFFSET),--port-offset "$(PORT_OFFSET)")

# Calls per minute, operators, seconds (0: until Ctrl-C), and a number that makes the same people
# come again: make demo RATE=40 OPERATORS=30 SECONDS=60 SEED=7
RATE ?=
OPERATORS ?=
SECONDS ?=
SEED ?=

demo: setup ## make run, with operators and citizens in it; watch them with .venv/bin/acd monitor
	@exec .venv/bin/python -m tests.demo --config "$(CONFIG)" --dialplans "$(DIALPLANS)" $(if $(PORT_OFFSET),--port-offset "$(PORT_OFFSET)") $(if $(RATE),--rate "$(RATE)") $(if $(OPERATORS),--operators "$(OPERATORS)") $(if $(SECONDS),--seconds "$(SECONDS)") $(if $(SEED),--seed "$(SEED)")

# A minute, once for each change of the sources; without it everything works, acd simulate a third as fast.
fast: ## compile what acd simulate runs; needs a C compiler. The service always runs the plain sources
	@scripts/setup dev
	@.venv/bin/python -m acd.sim.compiler

test: ## the whole test suite, with what it needs
	@scripts/setup test
	@folder=$$(mktemp -d "$${TMPDIR:-/tmp}/t.XXXXXX") && \
	.venv/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --basetemp="$$folder" $(ARGS) && \
	rm -rf "$$folder"

# full takes about twenty minutes, quick five; parts alone: BENCH=menus, core, simulators; ways of
# routing on the same calls, six minutes: BENCH=policies
BENCH ?= full

bench: ## calls against Asterisk's own app_queue, the menus, the router and the simulator, as tables (docs/bench.md)
	@scripts/setup test
	@.venv/bin/python -m tests.bench "$(BENCH)"

# One alone: make faults FAULT=kill (or term, upgrade, hang, cut, locked, deleted, postgres, phone, asterisk)
FAULT ?=

faults: ## break things on a running centre and measure what callers notice, as a table
	@scripts/setup test
	@.venv/bin/python -m tests.faults $(FAULT)

check: ## format, lint, types, configuration, menus
	@scripts/setup dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy --strict acd ivr
	.venv/bin/acd check "$(CONFIG)"
	.venv/bin/ivr check "$(DIALPLANS)"

clean: ## remove what the above made in this folder: .venv, var (with the call records), caches
	rm -rf .venv var var-[0-9]* build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks .coverage .coverage.* htmlcov
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
