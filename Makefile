# One environment, .venv, for everything. `make run` and `make test` make it when it is missing or old.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Busy OpenMP threads starve each other on a small machine; automat's workers set the same for themselves.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= passive
export DGLBACKEND ?= pytorch
# Public datasets beside the checkout, where there are any; tests on them are skipped otherwise.
ifneq ($(wildcard ../shared/data),)
export AUTOMAT_DATA ?= $(abspath ../shared/data)
endif

.PHONY: run quick test test-all test-fast chaos bench bench-featurizers bench-engine bench-graphs bench-networks bench-scale parity lint format data docs lessons site clean

run: $(READY)
	$(BIN)/automat run --dataset mp_formation

quick: $(READY)
	$(BIN)/automat run --dataset mp_formation --preset quick

# Every test but those of minutes, which train what published figures are from.
test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal --doctest-modules -m "not long"

test-all: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal --doctest-modules

test-fast: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

# All benchmarks below; those of large sets, last, where AUTOMAT_DATA names them.
bench: bench-featurizers bench-networks bench-engine
ifdef AUTOMAT_DATA
bench: bench-graphs bench-scale
endif

# Our featurizers beside matminer's: ratio and equality. About ten minutes.
bench-featurizers: $(READY)
	$(BIN)/python -W ignore benchmarks/featurizers.py

# Graph builders beside pymatgen's neighbour lists: ratio and equal edges.
bench-graphs: $(READY)
	$(BIN)/python -W ignore benchmarks/graphs.py

# Training of the graph networks beside CGCNN in its published form. About two minutes.
bench-networks: $(READY)
	$(BIN)/python benchmarks/networks.py

# Time and memory on large sets; DATA names their folder.
bench-scale: $(READY)
	$(BIN)/python -W ignore benchmarks/featurizers_at_scale.py $(if $(DATA),--data $(DATA))
	$(BIN)/python -W ignore benchmarks/training_at_scale.py $(if $(DATA),--data $(DATA))
	$(BIN)/python -W ignore benchmarks/scale.py rows $(if $(DATA),--data $(DATA))
	$(BIN)/python -W ignore benchmarks/scale.py run $(if $(DATA),--data $(DATA))

# Kills, full disks, wild cells, garbled files: a row a fault, and what came of it. About fifteen minutes; as root,
# for the file systems that fill up.
chaos: $(READY)
	AUTOMAT_CHAOS_KILLS=100 $(BIN)/python -m pytest -q --timeout 7200 tests/chaos

# What the engine itself costs.
bench-engine: $(READY)
	$(BIN)/python benchmarks/engine.py

# Equality with matminer on every embedded structure: days, nearly all of them matminer's.
parity: $(READY)
	$(BIN)/python -W ignore benchmarks/featurizers.py --all

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests scripts benchmarks
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Rebuild the embedded datasets from matminer's source distribution; the result is byte-identical.
data: $(READY)
	$(BIN)/python scripts/build_embedded_data.py

# The documentation, strictly: site/docs/index.html, which opens from the disk.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The course in both languages, on the full grid: site/lessons/index_en.html and index_ko.html. A few minutes.
SITE ?= site
lessons: $(READY)
	$(BIN)/automat teach all --lang en,ko --notebook --out $(SITE)/lessons

# The boards of all embedded datasets (quick preset) with the pages of their entrants, what one looks at before modelling,
# and the lessons: site/index.html links them all. A cell that fails (exit code 3) is shown on its board and stops nothing.
EMBEDDED ?= mp_formation mp_stability mp_bulk_modulus mp_shear_modulus mp_dielectric mp_band_gap mp_piezoelectric iris
SITE_RUN ?= --preset quick
site: lessons
	for name in $(EMBEDDED); do \
		$(BIN)/automat data explore --dataset $$name --out $(SITE) || exit $$?; \
		$(BIN)/automat run --dataset $$name $(SITE_RUN) --out $(SITE) || [ $$? -eq 3 ] || exit 1; \
	done
	$(BIN)/automat report --runs $(SITE)

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
