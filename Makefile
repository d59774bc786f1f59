# The two commands most people need: `make reproduce` and `make test`.
PYTHON ?= python3
VENV ?= .venv
OUT ?= results
PYTEST_ARGS ?=
# Test files run side by side.
JOBS ?= 2

# A stamp is written only after an installation succeeded. Its name holds the Python version and the folder, because
# neither another interpreter nor a moved checkout can use an old environment; the first stamp starts from nothing.
KEY := $(shell printf '%s %s' "$$($(PYTHON) --version 2>&1)" "$(CURDIR)" | cksum | cut -d' ' -f1)
CORE := $(VENV)/.installed-core-$(KEY)
EXTRA := $(VENV)/.installed-%-$(KEY)
extra = $(VENV)/.installed-$(1)-$(KEY)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: reproduce reproduce-fast test test-slow test-cuda lint docs figures gallery notebooks calibrate clean

reproduce: $(CORE)
	$(BIN)/memneuro reproduce --out "$(OUT)"

reproduce-fast: $(CORE)
	$(BIN)/memneuro reproduce --fast --out "$(OUT)"

test: $(call extra,test)
	$(BIN)/python -m pytest -m "not slow" -n $(JOBS) --dist loadfile --mpl $(PYTEST_ARGS)

test-slow: $(call extra,test)
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

# Needs nvcc, no GPU, and Python 3.12: `make test-cuda PYTHON=python3.12`. Some minutes of compiling.
test-cuda: $(call extra,test) $(call extra,cuda)
	$(BIN)/python -m pytest -m nvcc tests/codegen $(PYTEST_ARGS)

lint: $(call extra,dev)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# docs/_build/html/index.html, with the notebooks run in their short form; needs no network.
# MEMNEURO_DOCS_INTERSPHINX=1 links to the documentation of Brian2 and others.
docs: $(call extra,docs)
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

# Every figure with its tables, into a folder of its own; with FAST=1 a look in minutes.
figures: $(call extra,figures)
	@for script in figures/fig*.py; do \
	    $(BIN)/python $$script $(if $(FAST),--fast) --out "$(OUT)/figures" || exit; done

# Every notebook in its short form, with the time each takes.
notebooks: $(call extra,notebooks)
	MEMNEURO_FAST=1 $(BIN)/python -m pytest --nbmake --nbmake-timeout=300 --durations=0 -p no:cacheprovider notebooks

# The images of figures/README.md, from those of `make figures`.
gallery: $(CORE)
	$(BIN)/python figures/gallery.py "$(OUT)/figures"

calibrate: $(CORE)
	$(BIN)/python -m memneuro.experiment.calibrate

clean:
	rm -rf "$(VENV)" "$(OUT)" build dist docs/_build docs/*/generated *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(CORE): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; ok = (3, 11) <= v[:2] < (3, 14); \
	    sys.exit(None if ok else "memneuro needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is %d.%d: " \
	    "name another one, as in `make PYTHON=python3.12 ...`" % v[:2])'
	@test -e "$@" || $(PYTHON) -m venv --clear "$(VENV)"
	$(PIP) install --quiet --editable .
	@touch "$@"

$(EXTRA): $(CORE)
	$(PIP) install --quiet --editable ".[$*]"
	@touch "$@"
