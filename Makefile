# One-liners for contributors; CONTRIBUTING.md explains them. VENV names your environment.
VENV ?= .venv
export PATH := $(abspath $(VENV))/bin:$(PATH)

# How long `make simulate`, `make torture`, `make model` and `make crash` last; SEED=n decides what the first two try.
MINUTES ?= 5
SEED ?=

.PHONY: venv build debug test model crash simulate debug-test lint format types bench gate torture docs ci clean

venv:        ## an environment with everything, and the checkout installed in it for editing
	python3 -m venv $(VENV) && pip install -q -e '.[dev]'

build:       ## rebuild the extension after editing engine/*.pyx or *.pxi
	python setup.py -q build_ext --inplace

debug:       ## the same with bounds checks and without optimisation
	SLOTROCKS_DEBUG=1 python setup.py -q build_ext --inplace --force

test:        ## all tests
	pytest

model:       ## random commands, compared with redis-server: MINUTES=5
	python tests/model --minutes $(MINUTES)

crash:       ## kill -9 under load, and what must hold after it: MINUTES=5
	python tests/model crash --minutes $(MINUTES)

debug-test: debug  ## the engine's tests with bounds checks; then the release build again
	pytest tests/engine; status=$$?; python setup.py -q build_ext --inplace --force; exit $$status

lint:        ## ruff and cython-lint
	ruff check && ruff format --check && cython-lint engine

format:      ## let ruff fix what it can
	ruff check --fix && ruff format

types:       ## mypy strict; the stub of the extension against the extension
	mypy && python -m mypy.stubtest --mypy-config-file pyproject.toml slotrocks.engine._engine

bench:       ## benchmarks, as tables
	pytest bench

gate:        ## the benchmark ratios that CI insists on
	python -m bench.gate

simulate:    ## migrations of real state machines in virtual time, under an adversary: MINUTES=5
	python tests/simulation --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

torture:     ## migrations among nodes that are killed, stopped and cut off: MINUTES=5 SEED=n
	slotrocks torture --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

docs:        ## write the generated documents anew
	python docs/generate.py

ci:          ## everything, as CI runs it
	.ci/run

clean:       ## remove what a build leaves
	rm -rf build dist *.egg-info engine/_engine.c engine/*.so
