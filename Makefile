# Everything this project does has a name here; `make help` lists them. CI runs the same names.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
MUTANTS := .venv-mutants

# -- use --------------------------------------------------------------------------------------------------------------

.PHONY: help
help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(INSTALLED) ## Install everything into .venv and fetch Apache Kafka

$(INSTALLED): requirements.lock pyproject.toml ops/setup.sh
	@ops/setup.sh $(PYTHON) $(VENV)
	@touch $@

.PHONY: demo
demo: setup ## Real Kafka, a worker and 2,400 sample claims, live
	@$(BIN)/claimstream demo

.PHONY: check
check: setup ## Validate claim files: make check FILES="claims.837 folder"
	@$(BIN)/claimstream check $(FILES)

# -- test -------------------------------------------------------------------------------------------------------------

.PHONY: test
test: setup ## All tests, those on real Kafka among them (TESTS="-k word" for some)
ifdef TESTS
	$(BIN)/pytest --numprocesses 3 --dist worksteal $(TESTS)
else
	$(BIN)/pytest --numprocesses 3 --dist worksteal -m "not chaos" $(COVERAGE)
	$(BIN)/pytest -m chaos  # one after another: a fault is to meet the worker, not its neighbours
endif

SEEDS ?= 10000
JOBS ?= 2

.PHONY: simulate
simulate: setup ## The engine against a model broker, 10,000 seeds with crashes (SEED=n shows one)
	$(BIN)/python -m tests.simulation.simulate $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --jobs $(JOBS))

.PHONY: ops-test
ops-test: setup ## Alerts, board and containers, against a real Prometheus and worker
	$(BIN)/pytest tests/ops tests/integration/test_prometheus.py tests/integration/test_compose.py

.PHONY: test-unit
test-unit: setup ## The tests that need no Kafka
	$(BIN)/pytest -m "not kafka"

.PHONY: chaos
chaos: setup ## Every fault, judged by an independent checker (SEED=, RATE=, SCALE=, ONLY=pattern)
	$(BIN)/python -m tests.chaos --seed $(or $(SEED),1) $(if $(RATE),--rate $(RATE)) $(if $(SCALE),--scale $(SCALE)) \
	  $(if $(ONLY),--only "$(ONLY)",--report ops/benchmarks/results/chaos-report.json)

.PHONY: chaos-slice
chaos-slice: setup ## The part of it that CI runs, with small feeds
	$(BIN)/pytest -m chaos

.PHONY: recount
recount: setup ## 200,000 events under kills against an independent recount (EVENTS=, PATIENTS=, KILLS=, SEED=)
	$(BIN)/python -m tests.recount.prove --events $(or $(EVENTS),200000) --patients $(or $(PATIENTS),20000) \
	  --kills $(or $(KILLS),5) --seed $(or $(SEED),1)

.PHONY: mutants
mutants: $(MUTANTS)/installed ## Change validators/ in one place after another: do the tests notice? (ONLY="code03 lvl")
	$(if $(ONLY),,$(MUTANTS)/bin/pytest --quiet tests/mutation)
	$(MUTANTS)/bin/python -m tests.mutation $(if $(ONLY),--only $(ONLY))

# In an environment of its own: mutmut needs click 8.4.2 or later, faust-streaming an earlier one.
$(MUTANTS)/installed: tests/mutation/requirements.lock | setup
	$(BIN)/python -m venv --clear $(MUTANTS)
	$(MUTANTS)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --requirement $<
	@touch $@

.PHONY: soak
soak: setup ## A million claims through two workers: memory, descriptors, lag, account (CLAIMS=, RATE=)
	$(BIN)/python -m tests.soak.soak --claims $(or $(CLAIMS),1000000) --rate $(or $(RATE),1200)

.PHONY: bench
bench: setup ## Measure; figures go to ops/benchmarks/results/latest.json (SUITE=state)
	$(BIN)/python -m ops.benchmarks $(or $(SUITE),state)

# -- lint -------------------------------------------------------------------------------------------------------------

.PHONY: format
format: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lint
lint: setup ## Format, lint, types, layers and generated files, checked
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m streams.generated_files --check

.PHONY: generate
generate: setup ## Write the files that are generated from code
	$(BIN)/python -m streams.generated_files

LOCK := pip-compile --quiet --generate-hashes --no-strip-extras --allow-unsafe --no-emit-index-url \
  --no-emit-find-links --no-emit-trusted-host --no-emit-options

.PHONY: lock
lock: setup ## Resolve the dependencies into requirements.lock, and those of the mutants into theirs
	$(BIN)/$(LOCK) --extra dev --output-file requirements.lock pyproject.toml
	$(BIN)/$(LOCK) --output-file tests/mutation/requirements.lock tests/mutation/requirements.in

.PHONY: ci
ci: lint ## What CI runs: lint, all tests, and the bars of branch coverage
	@ops/install-debian.sh prometheus
	@$(MAKE) --no-print-directory test COVERAGE="--cov --cov-report="
	$(BIN)/coverage report --include='schemas/*,validators/*' --fail-under=100
	$(BIN)/coverage report --include='streams/*' --fail-under=95

.PHONY: clean
clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) $(MUTANTS) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage *.egg-info
