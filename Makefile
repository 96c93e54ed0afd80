# One command for each habit; every one sets up what it needs in .venv.
PYTHON ?= python3
BIN := .venv/bin
SHARE := ../shared/data

.PHONY: help demo test test-oracles lint format docs bench results clean
help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

# pip runs again when pyproject.toml has changed, and for each set of extras once.
.venv/.installed-%: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

demo: .venv/.installed-test  ## Train, test and use a network on a real table, from the command line
	@mkdir -p demo
	@$(BIN)/python examples/write_tables.py demo/digits.csv demo/new-digits.csv
	$(BIN)/chainrule train demo/digits.csv --target digit --model demo/model.safetensors
	$(BIN)/chainrule evaluate demo/model.safetensors demo/new-digits.csv
	$(BIN)/chainrule predict demo/model.safetensors demo/new-digits.csv --output demo/predictions.csv
	@head -4 demo/predictions.csv

test: .venv/.installed-test  ## Run the tests and the documentation's examples
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m "not oracle" $(TESTS)
	@echo "not run here: parity with PyTorch and JAX (make test-oracles)"

test-oracles: .venv/.installed-test,oracles  ## Compare with PyTorch and JAX
	$(BIN)/python -m pytest -m oracle tests/parity

lint: .venv/.installed-test,lint  ## Check style, types and generated pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/command_line.py --check

format: .venv/.installed-test,lint  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.installed-test,docs  ## Write docs/command-line.md and the API reference in site/
	$(BIN)/python docs/command_line.py
	@# The warnings are pdoc's, about annotations it looks up in the wrong module for a dataclass's __init__.
	PYTHONWARNINGS=ignore $(BIN)/pdoc --docformat numpy --output-directory site $(addprefix chainrule.,network table storage report) \
		$(addprefix chainrule.estimator.,mlp linear table_model)

bench: .venv/.installed-test  ## Time the reference engine beside scikit-learn
	$(BIN)/python bench/reference_engine.py

results: .venv/.installed-test  ## Train on every data set in $(SHARE) and write docs/results.md
	$(BIN)/python bench/tables.py $(SHARE) docs/results.md

clean:  ## Remove what the other commands made
	rm -rf .venv demo site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
