.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo table test check bench clean

help:            ## say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/'

setup: .venv/ready  ## make .venv with the tested versions

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -c constraints.txt -e '.[dev,scale]'
	touch $@

demo: setup      ## the two-spiral experiment end to end: a table and a picture
	$(BIN)/python scripts/demo.py

# what fails leaves its row incomplete: the table is printed all the same
OUT ?= outputs$(if $(SCALE),/$(SCALE))
table: setup     ## the CIFAR-10 table; SCALE=small in minutes, ARGS="trainer=gpu" and other words, OUT=folder
	@$(BIN)/python train.py experiment=cifar10_table $(if $(SCALE),scale=$(SCALE)) output_dir=$(OUT) $(ARGS); \
	trained=$$?; $(BIN)/python scripts/table.py $(OUT)/cifar10_table && exit $$trained

# two workers on two cores: one thread each
test: setup      ## the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

check: setup     ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: setup     ## how fast it is: a table, and outputs/bench.json (a quarter of an hour)
	$(BIN)/python scripts/bench.py

clean:           ## remove caches and build products; outputs/ stays
	rm -rf build dist .pytest_cache .ruff_cache src/*.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
