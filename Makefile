# One command for each habit; every one sets up what it needs in .venv.
PYTHON ?= python3
BIN := .venv/bin
SHARE := ../shared/data
COMPILER := $(firstword $(shell command -v $(CXX) c++ clang++))
NATIVE := .venv/.native
SOURCES := CMakeLists.txt $(wildcard cpp/*.?pp cpp/bindings/*.?pp)

.PHONY: help demo test test-all test-oracles fuzz native sanitize lint format docs bench results clean
help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

# pip runs again when pyproject.toml has changed, and for each set of extras once.
.venv/.installed-%: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

# The native engine, built in build/ and put beside its Python files. Without a compiler everything runs on the reference.
$(NATIVE): .venv/.installed-native $(SOURCES)
	@if [ -n "$(COMPILER)" ]; then mkdir -p build && $(call build,native,src); \
	else echo "There is no C++ compiler: everything runs on the slower reference engine."; fi
	@touch $@

# $(call build,FOLDER,WHERE): build the engine in build/FOLDER and install it under WHERE.
build = PATH=$(CURDIR)/$(BIN):$$PATH && \
	{ cmake -S . -B build/$(1) -G Ninja -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python && cmake --build build/$(1) && \
	cmake --install build/$(1) --prefix $(2); } >build/$(1).log 2>&1 || { cat build/$(1).log; exit 1; }

demo: .venv/.installed-test $(NATIVE)  ## Train, test and use a network on a real table, from the command line
	@mkdir -p demo
	@$(BIN)/python examples/write_tables.py demo/digits.csv demo/new-digits.csv
	$(BIN)/chainrule train demo/digits.csv --target digit --model demo/model.safetensors
	$(BIN)/chainrule evaluate demo/model.safetensors demo/new-digits.csv
	$(BIN)/chainrule predict demo/model.safetensors demo/new-digits.csv --output demo/predictions.csv
	@head -4 demo/predictions.csv

pytest = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

test: .venv/.installed-test $(NATIVE)  ## Run the tests and the documentation's examples
	$(pytest) -m "not oracle and not slow" $(TESTS)
	@echo "not run here: clusters, kills and further combinations (make test-all), PyTorch and JAX (make test-oracles)"

test-all: .venv/.installed-test $(NATIVE)  ## Run these, and those of clusters, kills and further combinations
	$(pytest) -m "not oracle" $(TESTS)

test-oracles: .venv/.installed-test,oracles $(NATIVE)  ## Compare with PyTorch and JAX
	$(BIN)/python -m pytest -m oracle tests/parity tests/derivation

FUZZ ?= 100000
fuzz: .venv/.installed-test $(NATIVE)  ## Try a hundred thousand hostile formulas, model files and tables (FUZZ=2000 SEED=1 for others)
	$(BIN)/python -m tests.fuzz formulas $(FUZZ) --seed $(or $(SEED),0)
	$(BIN)/python -m tests.fuzz models $(FUZZ) --seed $(or $(SEED),0)
	$(BIN)/python -m tests.fuzz tables $(FUZZ) --seed $(or $(SEED),0)

native: $(NATIVE)  ## Build the native engine

# One build for each kind of sanitizer, which do not go together; leaks are the interpreter's.
sanitize: .venv/.installed-test $(NATIVE)  ## Run the engine's tests under AddressSanitizer, UBSan and ThreadSanitizer
	bash tests/engine/sanitize.sh

lint: .venv/.installed-test,lint $(NATIVE)  ## Check style, types and generated pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(filter cpp/%,$(SOURCES))
	$(BIN)/python docs/command_line.py --check
	$(BIN)/python docs/derivation.py --check
	$(BIN)/python docs/reading.py --check
	@$(BIN)/python docs/native_stub.py --check

format: .venv/.installed-test,lint  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(filter cpp/%,$(SOURCES))

docs: .venv/.installed-test,docs $(NATIVE)  ## Write docs/command-line.md and the API reference in site/
	$(BIN)/python docs/command_line.py
	$(BIN)/python docs/derivation.py
	$(BIN)/python docs/reading.py
	$(BIN)/python docs/native_stub.py
	$(BIN)/python docs/api_reference.py

bench: .venv/.installed-test,bench $(NATIVE)  ## Time the native engine beside the peers (BENCH="--case 2-16-1 --peer jax" for less)
	$(BIN)/python -m bench $(BENCH)

results: .venv/.installed-test $(NATIVE)  ## Train on every data set in $(SHARE) and write docs/results.md
	$(BIN)/python bench/tables.py $(SHARE) docs/results.md

clean:  ## Remove what the other commands made
	rm -rf .venv src/chainrule/engine/_native*.so demo site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
