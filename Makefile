# kubelite: `make up` starts a cluster on this machine, `make test` runs every test. Both set up all that they need.

SHELL := /bin/bash
PY := .venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup setup-test up down status test check unit e2e fuzz linearize simulate foretell bench generate lock clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.complete: requirements.lock pyproject.toml
	@scripts/setup python

.venv/.complete-dev: requirements-dev.lock pyproject.toml
	@scripts/setup dev

setup: .venv/.complete ## Install what is missing: Python packages and a node's programs
	@scripts/setup node

setup-test: .venv/.complete-dev ## Install what is missing for the tests as well
	@scripts/setup node
	@scripts/setup test

up: setup ## Install what is missing and start a cluster on this machine
	@.venv/bin/kubelite up $(FLAGS)

down: ## Stop the cluster and put the host back as it was
	@if [ -x .venv/bin/kubelite ]; then .venv/bin/kubelite down $(FLAGS); else echo "nothing is installed"; fi

status: ## Show the processes of the cluster
	@.venv/bin/kubelite status

check: .venv/.complete-dev ## Format, lint, types, import contracts, architecture tests
	@scripts/check

test: setup-test ## Run every test (check, unit, contract, integration, end to end)
	@scripts/check
	@scripts/test

unit: .venv/.complete-dev ## Run the tests that need no root and no cluster
	$(PY) -m pytest tests/unit tests/integration tests/conformance

e2e: setup-test ## Run the end-to-end tests only
	$(PY) -m pytest tests/e2e

fuzz: .venv/.complete-dev ## Send generated requests to an API server: REQUESTS=100000 SEED=1
	$(PY) -m tests.fuzz --requests $(or $(REQUESTS),100000) --seed $(or $(SEED),1)

linearize: setup-test ## Check what clients saw while etcd members and API servers are killed: MINUTES=5 SEED=1
	$(PY) -m tests.linearize --minutes $(or $(MINUTES),5) --seed $(or $(SEED),1)

simulate: .venv/.complete-dev ## Run the control plane under faults on a virtual clock: SEEDS=1000 FIRST=1
	$(PY) -m tests.simulation --seeds $(or $(SEEDS),1000) --first $(or $(FIRST),1)

foretell: .venv/.complete-dev ## Compare what whatif foretells with what then happens: CASES=300 FIRST=0
	$(PY) -m tests.simulation.foretell --cases $(or $(CASES),300) --first $(or $(FIRST),0)

bench: setup-test ## Print the benchmark tables
	$(PY) -m bench

generate: .venv/.complete-dev ## Generate types, schemas, gRPC modules and systemd units anew
	$(PY) tools/generate_types.py
	$(PY) tools/generate_proto.py
	$(PY) tools/generate_units.py

lock: .venv/.complete-dev ## Resolve the dependencies anew
	$(PY) tools/lock.py

clean: ## Remove the virtual environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
