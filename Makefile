# Two commands for a newcomer: `make demo` and `make test`. Each does its own set-up.
.DEFAULT_GOAL := help
.PHONY: help evaluate differential soak torture demo test test-all test-fast bench bench-mcp check format testenv lock clean docs

REPEAT ?= 1
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$each >/dev/null 2>&1 && $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$each && break; done)
VENV := .venv
BIN := $(VENV)/bin
UV = $(BIN)/uv --quiet

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "fairlead needs Python 3.11 or newer; on Debian or Ubuntu: apt-get install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "setting up $(VENV), once" >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.lock
	@touch $@

$(VENV)/.runs: $(BIN)/uv requirements.lock pyproject.toml
	@$(UV) pip install --python $(BIN)/python --require-hashes -r requirements.lock
	@$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.develops: $(VENV)/.runs requirements-dev.lock
	@$(UV) pip install --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.runs ## see a claim travel from an app cluster to a control plane (DEMO_ONCE=1 ends by itself)
	@exec $(BIN)/fairlead demo $(if $(DEMO_ONCE),--once)

test: $(VENV)/.develops ## the fast tests, then a slice of each slow one on real servers where `make testenv` has built them
	@$(BIN)/python -m tests test --repeat $(REPEAT)

test-all: $(VENV)/.develops ## everything that is tested, slow tests whole, differential and torture included
	@$(BIN)/python -m tests all

test-fast: $(VENV)/.develops ## only what needs no real server (REPEAT=10 repeats it)
	@$(BIN)/python -m tests fast --repeat $(REPEAT)

evaluate: $(VENV)/.develops ## what agents have of the Crossplane tools: findability, cost of tasks, errors, longest replies
	@$(BIN)/python -m tests.evaluation

bench: $(VENV)/.develops ## how long a newcomer waits, beside real servers
	@$(BIN)/python bench/starting.py

bench-mcp: $(VENV)/.develops ## the MCP servers beside kubernetes-mcp-server and the bare SDK, on one real API server
	@$(BIN)/python bench/mcp_beside.py

check: $(VENV)/.develops ## lint, format, types, layers, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tests.requirements
	$(BIN)/mkdocs build --strict --quiet

format: $(VENV)/.develops ## put the code into its one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

differential: $(VENV)/.develops ## 2,000 random operations on a local API and through the connector must answer alike
	$(BIN)/python -m tests.differential --operations 2000

torture: $(VENV)/.develops ## what a running connector has to bear: kills, outages, rotation, every client, on real servers
	@$(BIN)/python -m tests torture

soak: $(VENV)/.develops ## as differential, without end
	$(BIN)/python -m tests.differential --operations 0

docs: $(VENV)/.develops ## read the documentation at http://127.0.0.1:8000
	$(BIN)/mkdocs serve --dev-addr 127.0.0.1:8000

testenv: ## build the real servers (kube-apiserver, etcd, kubectl) that the end-to-end tests run against
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is missing; on Debian or Ubuntu: apt-get install python3" >&2; exit 1; }
	@$(PYTHON) testenv/building.py all

lock: $(BIN)/uv ## resolve the dependencies anew into requirements.lock and requirements-dev.lock
	@CUSTOM="make lock"; export UV_CUSTOM_COMPILE_COMMAND="$$CUSTOM"; \
	$(UV) pip compile --upgrade --universal --generate-hashes --group pyproject.toml:build --extra redis --extra otel pyproject.toml -o requirements.lock && \
	$(UV) pip compile --upgrade --universal --generate-hashes --group pyproject.toml:dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove what set-up and builds have made in this folder
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis site dist
