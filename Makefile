# Every target does its own set-up first (bin/setup: Python, .venv, system packages; at once when nothing is missing).

BIN := .venv/bin
ARGS ?=

.PHONY: help demo test unit browser booted molecule lint bench generate sabotage chaos doctor lock format clean
.DEFAULT_GOAL := help

help:  ## show this list
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)$$/make \1|\2/p' Makefile | while IFS='|' read -r name what; do \
	    printf '%-15s %s\n' "$$name" "$$what"; done

demo:  ## harden a disposable Debian host before your eyes, and prove it (root or sudo; ARGS="--release trixie --keep")
	@bin/setup targets
	@mkdir -p reports/demo
	@bin/as-root $(BIN)/kijun demo --report reports/demo $(ARGS)

test: unit browser booted  ## all tests; those on booted hosts need root (what CI runs)

unit:  ## the tests that need no root and no host
	@bin/setup
	@$(BIN)/python -m pytest tests/unit -q -n auto $(ARGS)

browser:  ## the tests that open the HTML report in a browser
	@bin/setup browser
	@$(BIN)/python -m pytest tests/browser -q $(ARGS)

booted:  ## the tests on real booted hosts (root)
	@bin/booted-tests $(ARGS)

molecule:  ## every Molecule scenario, on hosts of its own (root; more than an hour; ARGS="-k accounts" for one)
	@bin/setup targets
	@bin/as-root $(BIN)/python -m pytest tests/integration/test_molecule.py -v $(ARGS)

lint:  ## ruff, mypy, yamllint, ansible-lint, shellcheck, module documentation, generated files
	@bin/setup lint
	@bin/lint

bench:  ## measure reading against OpenSSH and ansible-playbook --check (root; prints a table, writes JSON)
	@bin/setup targets
	@bin/as-root $(BIN)/python -m bench $(ARGS)

sabotage:  ## break compliant hosts in every known way; print who noticed (root)
	@bin/setup targets
	@bin/as-root $(BIN)/kijun sabotage $(ARGS)

chaos:  ## cut runs short before every task, in every way, and count what came of it (root; many hours; ARGS="--sample 6")
	@bin/setup targets
	@bin/as-root $(BIN)/python -m tests.chaos $(ARGS)

generate:  ## write defaults and documentation anew from argument_specs and controls
	@bin/setup
	@$(BIN)/python -m kijun.generating

doctor:  ## what this control node lacks, and the command that mends it
	@bin/setup
	@$(BIN)/kijun doctor $(ARGS)

lock:  ## pin all dependencies anew in requirements.lock (ARGS=--upgrade for newer releases)
	@bin/lock $(ARGS)

format:  ## format the Python code
	@bin/setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:  ## remove .venv, caches and build results (not images and state: 'kijun target down --all' first)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .ansible build dist reports
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
