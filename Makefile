# Enlist's commands. Files that begin with `.venv/.` are stamps: a second run does only what changed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

DATABASE ?=
TESTS ?= tests
PIP := .venv/bin/python -m pip --disable-pip-version-check --no-input -q
ENVIRONMENT := .venv/bin/python
RUNTIME := .venv/.runtime
DEVELOPMENT := .venv/.development

.PHONY: help setup
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(DEVELOPMENT) ## Make .venv with everything that development needs

$(ENVIRONMENT):
	scripts/make_environment.sh

# Hashes for what comes from an index; then our own two packages, editable, which have none.
$(RUNTIME): pyproject.toml agent/pyproject.toml requirements.lock requirements-build.lock | $(ENVIRONMENT)
	$(PIP) install --require-hashes -r requirements.lock -r requirements-build.lock
	$(PIP) install --no-deps --no-build-isolation -e ./agent -e .
	touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME)
	$(PIP) install --require-hashes -r requirements-dev.lock
	touch $@
