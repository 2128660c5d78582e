.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# the least versions that pyproject.toml allows
OLDEST := torch==2.11.0 torchvision==0.26.0

.PHONY: help setup demo table test test-all torture check check-oldest docs bench clean

help:            ## list these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/'

setup: .venv/ready  ## make .venv with the tested versions

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -c constraints.txt -e '.[dev,scale]'
	touch $@

demo: setup      ## the two-spiral experiment end to end: a table and a picture
	$(BIN)/python scripts/demo.py

# what fails leaves its row incomplete: the table is printed all the same
OUT ?= outputs$(if $(SCALE),/$(SCALE))
table: setup     ## the CIFAR-10 table; SCALE=small in minutes, ARGS="trainer=gpu" and other settings, OUT=folder
	@$(BIN)/python train.py experiment=cifar10_table $(if $(SCALE),scale=$(SCALE)) output_dir=$(OUT) $(ARGS); \
	trained=$$?; $(BIN)/python scripts/table.py $(OUT)/cifar10_table && exit $$trained

# two workers on two cores: one thread each; a worker takes neighbouring tests, which share fixtures
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# counting lines takes half as long again
COVERAGE ?= no
test: setup      ## the tests; COVERAGE=yes measures their coverage
	$(PYTEST) -m "not slow and not torture" $(if $(filter yes,$(COVERAGE)),--cov --cov-report=)
	@$(if $(filter yes,$(COVERAGE)),echo "coverage: $$($(BIN)/coverage report --format=total) %")

test-all: setup  ## the slow tests, too
	$(PYTEST) -m "not torture"

torture: setup   ## kills, flipped bits, malformed settings and files by the thousand (minutes; docs/reliability.md)
	$(PYTEST) -m torture tests/torture

check: setup     ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

docs: setup      ## the reference of the code, in build/docs; a warning fails
	$(BIN)/python -W error::UserWarning scripts/docs.py

check-oldest: .venv-oldest/ready  ## the tests of maps, networks and training with the oldest torch allowed (5 GB)
	OMP_NUM_THREADS=1 .venv-oldest/bin/python -m pytest -n 2 tests/geometry tests/models tests/training

# what torch brings with it (CUDA, triton) has to be of its own version
.venv-oldest/ready: pyproject.toml constraints.txt Makefile
	$(PYTHON) -m venv .venv-oldest
	grep -vE '^(torch|torchvision|triton|cuda-.*|nvidia-.*)==' constraints.txt > .venv-oldest/constraints.txt
	.venv-oldest/bin/pip install -q -c .venv-oldest/constraints.txt $(OLDEST) -e '.[dev]'
	touch $@

bench: setup     ## measure the speed: a table, and outputs/bench.json (a quarter of an hour)
	$(BIN)/python scripts/bench.py

clean:           ## remove caches and build products; outputs/ stays
	rm -rf build dist .pytest_cache .ruff_cache .coverage .coverage.* src/*.egg-info
	find . -name __pycache__ -not -path './.venv*/*' -prune -exec rm -rf {} +
