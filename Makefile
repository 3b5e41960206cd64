# Two commands do everything on a fresh machine with Python 3.11+: `make search` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup search test lint format docs clean

help:
	@echo "make setup    a virtual environment in $(VENV) with everything, the commands in $(BIN)"
	@echo "make search   set up, then search students for a handwritten-digits teacher"
	@echo "make test     set up, then make lint and the test suite"
	@echo "make lint     check style, types and imports"
	@echo "make format   mend style where that can be done automatically"
	@echo "make docs     build the documentation as a site, site/index.html"
	@echo "make clean    remove the environment and what tools left"

setup: $(VENV)/installed
	@echo "Next: make search; or: source $(BIN)/activate, then nas-search --help"

search: $(VENV)/installed
	$(BIN)/nas-search --budget-macs 2M --trials 8

test: lint
	$(BIN)/pytest -n 2 --dist worksteal  # halves of modules that lie together share their fixtures

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed
	@$(BIN)/python -m tools.docs
	@echo "Next: open site/index.html"

clean:
	rm -rf $(VENV) build site *.egg-info .mypy_cache .pytest_cache .ruff_cache

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV): PyTorch, Ray and other packages are downloaded, which takes minutes"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[search,postgres,s3,imagenet,onnx,hub,video,docs,dev]'
	@touch $@
	@echo "Set up: the commands are in $(BIN)"
