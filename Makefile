# Everything a newcomer needs: `make up`, `make demo`, `make test`, `make lint`, `make bench`.
# Programs of the environment are run as modules: a script's first line breaks on a path with a space.
SHELL := /bin/sh
PYTHON ?= $(shell sh deploy/interpreter.sh)
PY := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help up demo test lint screenshots bench browser frameworks clean

help:
	@echo "make up      start Handrail (PORT, HANDRAIL_DATA, DATABASE_URL, VALKEY_URL are honoured)"
	@echo "make demo    the same, with a small fleet of sample agents"
	@echo "make test    every test, on real servers in a temporary folder"
	@echo "make lint    formatting, types, layers, templates"
	@echo "make bench   measurements, as ratios and percentiles"

.venv/installed: pyproject.toml sdk/pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Handrail needs Python 3.11 or newer; set PYTHON=") if sys.version_info < (3, 11) else None'
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@echo "Installing pinned dependencies into .venv"
	@$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . -e "./sdk[otel]"
	@touch $@

.venv/installed-dev: .venv/installed
	@$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]" -e "./sdk[otel]"
	@touch $@

up: .venv/installed
	@exec $(PY) manage.py up

demo: .venv/installed
	@exec $(PY) manage.py up --demo

browser: .venv/installed-dev
	@$(PY) -m tests.browser

# Compiled test modules are kept whatever the shell says: to rewrite all their assertions takes longer than most tests.
# Agent frameworks that cannot live beside the console have environments of their own (sdk/tests/test_beside.py).
# CrewAI's is too large to be made each time: `make .venv/beside/crewai/installed`.
frameworks: .venv/beside/openai-agents/installed

.venv/beside/%/installed: sdk/pins/%.txt sdk/pyproject.toml
	@$(PYTHON) -m venv .venv/beside/$*
	@.venv/beside/$*/bin/python -m pip install --quiet --disable-pip-version-check -r sdk/pins/$*.txt -e ./sdk
	@touch $@

test: browser frameworks
	PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n 2 --dist loadgroup

lint: .venv/installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy .
	$(PY) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	$(PY) -m djlint templates --lint --quiet

screenshots: browser
	HANDRAIL_SCREENSHOTS=docs/screenshots $(PY) -m pytest tests/e2e/test_demo.py

bench: .venv/installed-dev
	$(PY) -m bench

clean:
	rm -rf .venv
