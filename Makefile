# Two commands matter: `make demo` and `make test`. Each sets up what it needs, once.
# Needs Linux, Python 3.11, make, and libgomp (the OpenMP runtime that LightGBM links).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps
# uv looks where pip is told to look.
INDEX = index="$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null || true)}"; \
  if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi;

# Prefect's own database lies in the project, so that tests leave your Prefect alone.
export PREFECT_HOME ?= $(CURDIR)/var/prefect

# Many images forbid Python to keep what it compiled; then every command compiles 4,800 modules anew, for 9 s.
export PYTHONDONTWRITEBYTECODE :=

HISTORY_DAY := 2026-10-01
DEMO_DAY := 2026-11-02
# Whatever you have set, the demo works in its own store, registry and Prefect: it never promotes its model over yours.
DEMO = env $(addprefix -u ,PREFECT_API_URL $(filter SCORING_%,$(.VARIABLES))) PREFECT_HOME="$(CURDIR)/var/demo/prefect" \
  SCORING_CONFIG=configs/demo.yaml $(BIN)/scoring

.PHONY: demo up ps down test browse prove bench lint types unit docs format lock clean help

demo:  ## Make synthetic history and a day, train, score the day, monitor it
demo: $(READY)
	@mkdir -p var/demo/prefect
	@$(DEMO) generate --from $(HISTORY_DAY) --rows 40000 --to var/demo/history
	@$(DEMO) train --applications var/demo/history/applications_$(HISTORY_DAY).csv
	@$(DEMO) generate --from $(DEMO_DAY) --rows 20000 --bad-share 0.005
	@$(DEMO) score --as-of $(DEMO_DAY)
	@$(DEMO) monitor --as-of $(DEMO_DAY)
	@echo "The demo lies in var/demo. To look at it: $(BIN)/scoring status --config configs/demo.yaml"
	@echo "The day on one page: file://$(CURDIR)/var/demo/store/reports/day=$(DEMO_DAY)/index.html"

up: $(READY)  ## Start Prefect's server, worker and deployments in the background, and wait until they answer
	@$(BIN)/python -m flows.operations up

ps: $(READY)  ## Tell what runs, since when, and what comes next
	@$(BIN)/python -m flows.operations ps

down: $(READY)  ## Switch the schedules off, let a running day end, and stop everything
	@$(BIN)/python -m flows.operations down

test:  ## Lint, types and all tests
test: lint types unit

lint: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

types: $(READY)
	@$(BIN)/mypy --no-error-summary

unit: $(READY)
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

browse: $(READY)  ## Look at every page in a real browser; pictures of them lie in var/browse afterwards
	@tests/browser/chromium.sh
	@rm -rf var/browse
	@BROWSE=1 $(BIN)/python -m pytest -p no:cacheprovider tests/browser

prove: $(READY)  ## Run the long proofs whole (up to an hour) and write docs/evidence.md
	@rm -rf var/evidence
	@PROVE=1 $(BIN)/python -m pytest -p no:cacheprovider --numprocesses auto --maxprocesses 4 --dist loadfile \
	  --no-loadscope-reorder tests/proofs tests/erasure
	@$(BIN)/python -m tests.proofs.evidence

bench: $(READY)  ## Measure how fast it is, beside the same packages used plainly
	@$(BIN)/python -m benchmarks

docs: $(READY)  ## Write the generated documents anew
	@WRITE_DOCS=1 $(BIN)/python -m pytest --quiet tests/flows/test_bad_input.py tests/flows/test_notations.py \
	  tests/expectations/test_contract_document.py tests/adapters/test_rule_types.py tests/core/lender/test_features_document.py \
	  tests/configs/test_settings_document.py tests/configs/test_monitoring_document.py

format: $(READY)  ## Format the code and mend what the linter can
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

lock: $(READY)  ## Resolve pyproject.toml into requirements.lock; with RENEW=--upgrade to the newest versions
	@$(BIN)/uv pip compile pyproject.toml --extra dev --extra dashboard --extra benchmark --generate-hashes --python-version 3.11 \
	  --python-platform linux --no-emit-index-url --no-annotate --no-header --no-config --quiet $(RENEW) --output-file requirements.lock

clean:  ## Remove the environment and all that the demo made
	@rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

help:  ## List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 is needed, and $(PYTHON) is not it." \
	       "Install it, or run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || { \
	  echo "libgomp.so.1 is missing, which LightGBM links. Install it: apt-get install libgomp1 (Debian, Ubuntu)," \
	       "dnf install libgomp (Fedora, RHEL)." >&2; exit 2; }
	@echo "Setting up $(VENV) from requirements.lock; once"
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	@$(PIP) --require-hashes -r $(VENV)/uv.lock
	@$(INDEX) $(BIN)/uv pip install --quiet --no-config --no-deps --require-hashes --python $(BIN)/python \
	  -r requirements.lock || { echo "uv could not; pip takes about two minutes"; \
	  $(PIP) --no-compile --require-hashes -r requirements.lock; }
	@$(PIP) --no-build-isolation --editable .
	@touch $@
