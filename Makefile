# `make help` says what there is. Every target that needs .venv/ prepares it first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
ARGS ?=
# two at once halve the time of the tests, which wait more than they work; 0 runs them in one process
WORKERS ?= 2

# the locks are made by the uv of the dev group, or by the one at hand; `make lock ARGS=--upgrade` takes newer versions
LOCK = $(if $(wildcard $(BIN)/uv),$(BIN)/uv,uv) pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock" $(ARGS)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  ARGS="…" is passed on: make run ARGS="--http 127.0.0.1:9000", make test ARGS="-k sos"'

.PHONY: setup
setup: ## prepare .venv/ from the locks (nothing to do: milliseconds)
	@deploy/setup/venv

.PHONY: run
run: setup ## the whole system on this machine, with a made-up community that lives
	@$(BIN)/lampkeep up --demo $(ARGS)

.PHONY: test
test: setup ## all tests, on the services that are at hand (see CONTRIBUTING.md)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

.PHONY: lint
lint: setup ## ruff, its formatter, mypy, the import walls
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: setup ## let ruff put the code in order
	$(BIN)/ruff check --fix-only --exit-zero .
	$(BIN)/ruff format .

.PHONY: bench
bench: setup ## press to delivery and ingest rate, open loop, on the images of make images
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

.PHONY: test-load
test-load: setup ## 500 simulated devices for a minute; fails on loss
	@$(BIN)/pytest -m load tests/load $(ARGS)

.PHONY: replay-homes
replay-homes: setup ## four plans over the recorded homes beside the repository: false alarms, delay of detection
	@$(BIN)/pytest -n 0 -q -s tests/unit/replay/test_recorded_homes.py $(ARGS)

.PHONY: lock
lock: setup ## write the locks anew from pyproject.toml
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) --group build -o requirements-build.lock
	$(LOCK) pyproject.toml --group dev -c requirements.lock -c requirements-build.lock -o requirements-dev.lock

.PHONY: images
images: ## the Docker images, from Debian packages alone (root)
	deploy/images/build $(ARGS)
