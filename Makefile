# Two commands need nothing but Python: `make demo` and `make test`. Each makes .venv and installs into it.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO := demo-output

.PHONY: help demo test test-fast test-long lint format types schema clean

help:
	@echo "make demo       score and diagnose bundled generators, judge two pictures, write reports"
	@echo "make test       the test suite"
	@echo "make test-fast  the same without the tests marked slow"
	@echo "make test-long  those that are left out of both, some ten minutes"
	@echo "make lint       ruff: rules and format"
	@echo "make format     put the code into ruff's format"
	@echo "make types      mypy on an installed copy"
	@echo "make clean      remove what the others made, but not .venv"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "ganeval needs Python 3.10 or later; name one: make PYTHON=python3.11 demo"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "can't make .venv; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

# One stamp an extra: a target installs only what it needs, and again only when pyproject.toml has changed.
.venv/.installed: pyproject.toml | $(BIN)/python
	@echo "installing into .venv (the first time takes some minutes)"
	$(PIP) install -q -e .
	@touch $@

.venv/.installed-%: pyproject.toml | $(BIN)/python
	@echo "installing into .venv (the first time takes some minutes)"
	$(PIP) install -q -e '.[$*]'
	@touch $@

demo: .venv/.installed
	@mkdir -p $(DEMO)
	$(BIN)/ganeval score generator:dcgan -n 2000 --real fashion-mnist --extractor efficientnet-lite0 \
	  --html $(DEMO)/report.html --json $(DEMO)/report.json
	@# BigGAN as it is, and collapsed on purpose: sandals, bags and ankle boots (5, 8, 9) are left out.
	@rm -rf $(DEMO)/collapsed
	@for class in 0 1 2 3 4 6 7; do $(BIN)/ganeval generate biggan -n 100 --class $$class --seed $$class --quiet \
	  --out $(DEMO)/collapsed/$$class || exit 1; done
	$(BIN)/ganeval diagnose generator:biggan -n 700 --real fashion-mnist --extractor efficientnet-lite0 \
	  --html $(DEMO)/biggan.html
	$(BIN)/ganeval diagnose $(DEMO)/collapsed --real fashion-mnist --extractor efficientnet-lite0 \
	  --html $(DEMO)/collapsed.html
	@# A photograph, and the same with a simulated trace of a generator.
	$(BIN)/python -m ganeval.detectors.artefacts sample $(DEMO)/pictures
	$(BIN)/ganeval detect $(DEMO)/pictures --csv $(DEMO)/detect.csv --html $(DEMO)/detect.html --explain $(DEMO)/sheets

# A process a core, each with one arithmetic thread: most tests are too small for more.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

test: .venv/.installed-test
	$(PYTEST) -m "not long"

test-fast: .venv/.installed-test
	$(PYTEST) -m "not slow and not long"

test-long: .venv/.installed-test
	$(PYTEST) -m long

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# On an installed copy, because generators/ and detectors/ get their import names only by installation.
types: .venv/.installed-dev
	rm -rf build
	$(PIP) install -q --no-deps --target build/types .
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p ganeval
	cd build/types && MYPYPATH=../../examples ../../$(BIN)/mypy --config-file ../../pyproject.toml ../../examples/*.py

clean:
	rm -rf build dist $(DEMO) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
