# make run: set up and start at http://127.0.0.1:7860    make test: set up and run all tests
PY := .venv/bin/python

.PHONY: run test check fix setup bench
run: setup
	$(PY) app.py $(ARGS)

setup:
	@bin/setup

test:
	@bin/setup test
	$(PY) -m pytest $(ARGS)

check:
	@bin/setup test
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m pyright
	$(PY) -m pytest tests/test_layers.py

fix:
	@bin/setup test
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench:
	@bin/setup test
	$(PY) -m lab.bench turn
