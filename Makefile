# One-liners for contributors; CONTRIBUTING.md explains them. PYTHON names the interpreter of your environment.
PYTHON ?= .venv/bin/python

.PHONY: venv build debug test debug-test lint format types bench gate docs ci clean

venv:        ## an environment with everything, and the checkout installed in it for editing
	python3 -m venv .venv && $(PYTHON) -m pip install -q -e '.[dev]'

build:       ## rebuild the extension after editing engine/*.pyx or *.pxi
	$(PYTHON) setup.py -q build_ext --inplace

debug:       ## the same with bounds checks and without optimisation
	SLOTROCKS_DEBUG=1 $(PYTHON) setup.py -q build_ext --inplace --force

test:        ## all tests
	$(PYTHON) -m pytest

debug-test: debug  ## the engine's tests with bounds checks; then the release build again
	$(PYTHON) -m pytest tests/engine; status=$$?; $(PYTHON) setup.py -q build_ext --inplace --force; exit $$status

lint:        ## ruff and cython-lint
	$(PYTHON) -m ruff check && $(PYTHON) -m ruff format --check && $(PYTHON) -m cython_lint engine

format:      ## let ruff fix what it can
	$(PYTHON) -m ruff check --fix && $(PYTHON) -m ruff format

types:       ## mypy strict; the stub of the extension against the extension
	$(PYTHON) -m mypy && $(PYTHON) -m mypy.stubtest --mypy-config-file pyproject.toml slotrocks.engine._engine

bench:       ## benchmarks, as tables
	$(PYTHON) -m pytest bench

gate:        ## the benchmark ratios that CI insists on
	$(PYTHON) -m bench.gate

docs:        ## write the generated documents anew
	$(PYTHON) docs/generate.py

ci:          ## everything, as CI runs it
	.ci/run

clean:       ## remove what a build leaves
	rm -rf build dist *.egg-info engine/_engine.c engine/*.so
