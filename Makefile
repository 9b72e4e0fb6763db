# Each target makes .venv when it is missing or when the lock changed, says what it does, and is quick the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export UV_LINK_MODE ?= copy

.PHONY: help demo test test-all bench lint lock bundle clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    install everything and open the console on an embedded world with a live incident"
	@echo "make test    install everything and run the tests"
	@echo "make lint    format, rules, types, architecture"
	@echo "make bench   measure against the peers named in the README (make test-all: the long simulations too)"
	@echo "make bundle  one self-contained executable file for bastions: dist/lastgood.pyz"
	@echo "make lock    renew requirements.lock"

$(BIN)/uv:
	@echo "lastgood: making $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "lastgood: Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(STAMP): $(BIN)/uv requirements.lock pyproject.toml
	@echo "lastgood: installing what requirements.lock names"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --compile-bytecode --require-hashes --allow-empty-requirements requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: $(STAMP)
	@$(BIN)/lastgood demo $(if $(INCIDENT),--incident $(INCIDENT))

test: $(STAMP)
	@echo "lastgood: running the tests"
	@$(BIN)/python -m pytest -n 3 -m "not long and not bench"

test-all: $(STAMP)
	@$(BIN)/python -m pytest -n 3 -m "not bench"

bench: $(STAMP)
	@$(BIN)/python -m tests.bench

lint: $(STAMP)
	@echo "lastgood: format, rules, types, architecture"
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache

lock: $(BIN)/uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --extra demo --group dev pyproject.toml -o requirements.lock

# The versions are those of the lock; the file needs the same minor version of Python that built it.
bundle: $(STAMP)
	@echo "lastgood: building dist/lastgood.pyz"
	@rm -rf build/site && mkdir -p build dist
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--constraint requirements.lock pyproject.toml -o build/core.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target build/site --require-hashes -r build/core.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target build/site --no-deps .
	@$(BIN)/shiv --site-packages build/site --compressed --python "/usr/bin/env python3" \
		--entry-point console.cli:main --output-file dist/lastgood.pyz >/dev/null
	@ls -l dist/lastgood.pyz

clean:
	rm -rf $(VENV) .peers dist
