# Every target sets itself up: a machine with Python >= 3.11, pip and make is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH_DATA := $(wildcard ../shared/data)
export CORANK_DATA ?= $(abspath $(BENCH_DATA))
export HF_HUB_OFFLINE ?= 1

.PHONY: demo app test check bench bench-quick bench-readme peers backends core obp clean

demo: $(VENV)/.run  ## fit, measure and query the e-commerce sample, offline
	$(BIN)/corank demo ecommerce

app: $(VENV)/.app runs/demo-ecommerce/bundle.json  ## the sample shop's web app, fitted first if need be
	$(BIN)/corank app runs/demo-ecommerce

runs/demo-ecommerce/bundle.json: | $(VENV)/.app
	$(BIN)/corank demo ecommerce

test: $(VENV)/.dev  ## all tests
	$(BIN)/python -m pytest -q

check: $(VENV)/.dev  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.dev  ## the Amazon Beauty report, from the public files in CORANK_DATA
	$(BIN)/python -m benchmarks accuracy --dataset amazon-beauty

bench-quick: $(VENV)/.dev  ## two samples, and an encoder by turns: fails where it got worse
	$(BIN)/python -m benchmarks quick --vertical ecommerce --vertical health

bench-readme: $(VENV)/.dev  ## README, docs and pictures again from the stored results
	$(BIN)/python -m benchmarks report --write

peers: .peers/.done  ## RecTools and LightFM, in an environment of its own: one needs an older numpy, one a C compiler

.peers/.done: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv .peers
	.peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	-.peers/bin/python -m pip install --quiet --disable-pip-version-check 'lightfm-next>=1.19'
	touch $@

backends: .backends/.done  ## sentence-transformers with its ONNX and OpenVINO back ends, for the same

.backends/.done: benchmarks/peers/backends.txt
	$(PYTHON) -m venv .backends
	.backends/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

core: .core/.done  ## what serving needs and nothing else, to time answers in

.core/.done: pyproject.toml
	$(PYTHON) -m venv .core
	.core/bin/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

obp: .obp/.done  ## the Open Bandit Pipeline, whose own pins no longer install, for the same

.obp/.done:
	$(PYTHON) -m venv .obp
	.obp/bin/python -m pip install --quiet --disable-pip-version-check --no-deps obp==0.4.1
	.obp/bin/python -m pip install --quiet --disable-pip-version-check mypy_extensions numpy pandas pyyaml scikit-learn scipy tqdm
	touch $@

clean:  ## everything that is not in git
	rm -rf $(VENV) .peers .backends .core .obp build benchmarks/runs dist runs .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("corank needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train,minilm]'
	touch $@

$(VENV)/.app: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train,minilm,app]'
	touch $@ $(VENV)/.run

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train,tune,8bit,minilm,app,dev]'
	touch $@ $(VENV)/.app $(VENV)/.run
