# Two commands: `make demo` and `make test` do everything from nothing.
# They need Python 3.11, make, and a package registry that pip knows.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.hisn-installed
# Two workers: the smallest machine we promise has two cores.
JOBS   ?= 2

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-full soak lint bench verifier dist lock catalogue pages fmt clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## make the environment from the lock file

# Hashes are required for everything that comes from outside.  The package itself is installed
# with the build tools of the lock file, so that this step fetches nothing.
$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Hisn needs Python 3.11 or later; name it with PYTHON=..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing from requirements-dev.lock ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@$(BIN)/python -m hisn.evidence.native >/dev/null 2>&1 || \
	  echo "No C compiler: sealing with fields will take longer (see python -m hisn.evidence.native)."
	@touch $@

demo: $(STAMP) ## find the attacks in one generated election evening
	@$(BIN)/hisn demo

test: lint ## lint, and all tests but the long ones
	$(BIN)/python -m pytest -n $(JOBS)

test-full: lint ## every test, the long ones too
	$(BIN)/python -m pytest -n $(JOBS) --full

soak: $(STAMP) ## the tests that run for hours
	$(BIN)/python -m pytest --soak -m soak

lint: $(STAMP) ## style, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# One log of 5 GB: make bench BENCH="--large 5"
bench: $(STAMP) ## measure, beside other programs where they are installed
	$(BIN)/python bench/guard.py --write $(BENCH)

verifier: $(STAMP) ## build the verifier: one file for Python, one page for a browser
	$(BIN)/python tools/dist.py --verifier

dist: $(STAMP) ## build everything that is released, the same bytes each time
	$(BIN)/python tools/dist.py

# The header and the notes are left out: they would name the machine that made the file.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
          --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml

lock: $(STAMP) ## pin newer versions of everything
	$(COMPILE) --upgrade -o requirements.lock
	$(COMPILE) --upgrade --extra dev -o requirements-dev.lock

catalogue: $(STAMP) ## take new texts into the translations, and compile them
	$(BIN)/python tests/unit/present/catalogue.py

pages: $(STAMP) ## write the reference pages that are made from the program
	$(BIN)/python -m tests.docs.errors_page
	$(BIN)/python -m tests.docs.options_page

fmt: $(STAMP) ## format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## remove everything that was made
	rm -rf $(VENV) build dist demo-out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
