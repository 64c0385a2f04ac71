# Enlist's commands. Stamps (`.venv/.runtime` …) remember what is done: a second run does only what
# changed in between.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Where it is set, every process compiles all of its modules anew, and pytest rewrites all tests.
unexport PYTHONDONTWRITEBYTECODE

# What a caller may set: make demo DATABASE=postgresql://…, make test TESTS=tests/pki
DATABASE ?=
TESTS ?= tests
PYTEST_OPTIONS ?= -n auto --dist loadgroup

PYTHON := .venv/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --no-input -q
RUNTIME := .venv/.runtime
DEVELOPMENT := .venv/.development
VENDOR := src/enlist/web/static/vendor/LICENSES.txt

.PHONY: help setup install assets demo test check lint bench faults fuzz audit lock messages screenshots clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DEVELOPMENT) ## Make .venv with everything that development needs

install: $(RUNTIME) $(VENDOR) ## Make .venv with what a server needs, and no more

assets: $(VENDOR) ## Build the browser's parts from npm into the package

demo: $(RUNTIME) $(VENDOR) ## Start Enlist with sample data [DATABASE=postgresql://…]
	.venv/bin/enlist demo $(if $(DATABASE),--database '$(DATABASE)')

test: $(DEVELOPMENT) $(VENDOR) ## Install what tests need, run them all [TESTS=tests/pki]
	$(PYTHON) -m tests.peers.install
	$(PYTHON) -m pytest $(PYTEST_OPTIONS) $(TESTS)

check: lint ## Check format, lint, types, import rules, architecture and docs
	$(PYTHON) -m pytest -q tests/architecture $(wildcard tests/docs)

lint: $(DEVELOPMENT) $(VENDOR) ## Check format, lint and types alone
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy

bench: $(DEVELOPMENT) $(VENDOR) ## Measure the speed against yardsticks of this machine [BENCH_ACCEPT=1 to keep the figures]
	$(PYTHON) -m tests.peers.install
	$(PYTHON) -m tests.bench

faults: $(DEVELOPMENT) $(VENDOR) ## Kill the server again and again under load [FAULT_KILLS=20 FAULT_SEED=…]
	$(PYTHON) -m tests.peers.install
	FAULT_KILLS=$(or $(FAULT_KILLS),20) $(PYTHON) -m pytest $(PYTEST_OPTIONS) tests/faults

fuzz: $(DEVELOPMENT) $(VENDOR) ## Try fresh generated requests, CSRs, PEM and JSON [FUZZ=25: times as many as tests do]
	$(PYTHON) -m tests.peers.install
	FUZZ=$(or $(FUZZ),25) $(PYTHON) -m pytest $(PYTEST_OPTIONS) --timeout=3600 \
		tests/web/api/test_generated.py tests/web/api/test_reading.py tests/pki \
		tests/web/test_nothing_leaks.py tests/core/test_merkle.py tests/core/test_templates.py \
		tests/web/protocols/test_management_access.py

audit: $(PYTHON) ## Ask an advisory service whether a locked part has a known hole
	$(PYTHON) -m scripts.audit

lock: $(PYTHON) ## Compute the lock files anew [UPGRADE=1 for the newest releases]
	scripts/lock.sh $(if $(UPGRADE),--upgrade)

messages: $(RUNTIME) ## Bring the translations up to date with the texts in the source
	$(PYTHON) -m scripts.messages

screenshots: $(DEVELOPMENT) $(VENDOR) ## Take the pictures of the README anew
	$(PYTHON) -m tests.peers.install
	$(PYTHON) -m scripts.screenshots

clean: ## Remove what was built; the demo's data stay
	rm -rf .venv .node node_modules dist $(dir $(VENDOR)) .mypy_cache .ruff_cache .pytest_cache
	rm -rf .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PYTHON):
	scripts/make_environment.sh

# From the index with hashes; then our own two packages, editable, which have none.
$(RUNTIME): pyproject.toml agent/pyproject.toml requirements.lock requirements-build.lock | $(PYTHON)
	$(PIP) install --require-hashes -r requirements.lock -r requirements-build.lock
	$(PIP) install --no-deps --no-build-isolation -e ./agent -e .
	touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME)
	$(PIP) install --require-hashes -r requirements-dev.lock
	touch $@

$(VENDOR): package.json package-lock.json .npmrc requirements-node.lock scripts/build_assets.py scripts/icons.txt | $(PYTHON)
	$(PYTHON) scripts/build_assets.py
