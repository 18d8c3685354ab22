# Everything a newcomer needs. Each target sets up what it needs by itself; `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARCH ?= dr-multi-region
SCENARIO ?=
DRILLS := $(addprefix tests/hadr_lab/test_lab_,drill.py roles.py shift.py zones.py)

.DEFAULT_GOAL := help
.PHONY: help setup demo lab test test-fast test-browser test-lab test-drills test-others check lint types imports infra-check infra-scan infra-test infra-mock programs deploy-check bench lock clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Python environment (.venv) with pinned, hashed requirements

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	@echo "setup: creating $(VENV) (once, about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## lose a Region under load and recover it, for real, on this machine
	@$(BIN)/hadr-lab demo $(ARCH) $(if $(SCENARIO),--scenario $(SCENARIO))

lab: $(READY) ## bring a whole site up and keep it up (Ctrl-C ends all of it)
	@$(BIN)/hadr-lab up $(ARCH)

# Applying and destroying is mostly the AWS provider's own waiting, so the roots go side by side, beside the programs' build and the pure
# tests; those come first on the processor, because some of them know a clock. The lab's tests then have the machine to themselves, and
# the roots that were applied here to boot from.
test: $(READY) ## every test: what waits and what computes side by side, then those on the real parts
	@$(MAKE) --no-print-directory -j9 --output-sync test-fast programs infra-mock $(APPLIED)
	@$(MAKE) --no-print-directory test-browser test-lab

test-fast: $(READY) ## the default set: no outside program, two processes, about a minute when two cores are free
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not lab and not terraform and not browser"

test-browser: $(READY) ## peccy's page in a real Chromium (unpacked once, about 125 MB), without the lab
	@$(BIN)/python -m pytest -q -m "browser and not lab"

programs: $(READY)
	@nice -n 10 $(BIN)/hadr-lab programs

# A drill mostly waits for clocks, so all others go beside half of the drills; what they print is told when they have ended (+: at once).
test-lab: programs ## the tests on the real parts (builds the programs once)
	@$(MAKE) --no-print-directory -j2 --output-sync test-drills test-others

test-drills: programs
	+@$(BIN)/python -m pytest -q -m lab --timeout 900 --durations 25 --durations-min 10 $(DRILLS)

test-others: programs
	@$(BIN)/python -m pytest -q -m lab --timeout 900 --durations 15 --durations-min 10 $(addprefix --ignore ,$(DRILLS))

check: lint types imports infra-check infra-scan deploy-check ## ruff, mypy --strict, import-linter, terraform fmt and validate, checkov, kustomize builds

lint: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(READY)
	@$(BIN)/mypy

imports: $(READY)
	@$(BIN)/lint-imports

infra-check: $(READY)
	@$(BIN)/python -m pytest -q tests/infra/test_terraform.py -m terraform -k "formatted or valid" --timeout 600

infra-scan: build/scanned

build/scanned: $(READY) requirements/scan.txt tests/infra/scanner.py tests/infra/test_scan.py $(shell find infra -name '*.tf')
	@$(BIN)/python -m pytest -q -s tests/infra/test_scan.py
	@mkdir -p build && touch $@

infra-test: infra-check ## Terraform: mock tests of every module and root; each root applied to the local AWS, re-planned and destroyed
	@$(MAKE) --no-print-directory -j9 --output-sync infra-mock $(APPLIED)

infra-mock: $(READY)
	@nice -n 10 $(BIN)/python -m pytest -q tests/infra/test_variables.py tests/infra/test_terraform.py -k "not formatted and not valid"

# One process for each story of an applied root: -k names a test of tests/infra/test_apply.py.
APPLIED := $(addprefix infra-applied-,failover_and_back two_writes multi_cluster single_cluster)
.PHONY: $(APPLIED)
$(APPLIED): infra-applied-%: $(READY)
	@nice -n 10 $(BIN)/python -m pytest -q tests/infra/test_apply.py -k $*

deploy-check: $(READY)
	@$(BIN)/python -m pytest -q -m "not lab" tests/deploy

bench: $(READY) ## peccy's throughput per core against the older kind of code, on a real MariaDB (a minute)
	@$(BIN)/hadr-lab programs >/dev/null
	@$(BIN)/python services/peccy/tests/bench

lock: ## compile requirements/*.in into pinned, hashed *.txt (needs uv)
	@for f in dev lab hadr peccy; do \
	  uv pip compile -q --python-version 3.11 --generate-hashes --no-header $$(test $$f = dev || echo "-c requirements/dev.txt") requirements/$$f.in -o requirements/$$f.txt; done
	@uv pip compile -q --python-version 3.11 --generate-hashes --no-header requirements/scan.in -o requirements/scan.txt

clean: ## remove what make created here (the caches under ~/.cache/hadr-lab stay)
	@rm -rf $(VENV) build runs .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
