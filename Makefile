# Needs Python 3.11 or newer with venv, and make: the rest is installed into .venv.

VENV := .venv
BIN  := $(VENV)/bin
# One more than there are cores: a third of the time tests wait for other processes.
JOBS := $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
PIP  := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test crashes staleness model hostile faults soak bench check format generate clean

help: ## Say what each target does
	@awk -F ': .*## ' '/^[a-z-]+:.* ## / { printf "make %-9s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed-run ## Start a server with demo data on 127.0.0.1:50051, in the foreground
	@exec $(BIN)/finlink-server serve --demo

test: $(VENV)/.installed-dev ## Run the tests (PYTEST_ARGS='-k secrets' for some; BOTH_DATABASES=1 for all on both)
	@$(BIN)/pytest --numprocesses $(JOBS) --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

crashes: $(VENV)/.installed-dev ## Kill a server 50 times in a burst of events, and count what arrives
	@CRASH_ROUNDS=50 $(BIN)/pytest --quiet --capture=no tests/test_delivery_crashes.py

staleness: $(VENV)/.installed-dev ## Hunt for a minute for a process that accepts what has ended
	@STALENESS_SECONDS=60 $(BIN)/pytest --quiet --capture=no tests/test_staleness.py

model: $(VENV)/.installed-dev ## Play 200 random histories on each database, every answer compared with a model's
	@MODEL_HISTORIES=200 $(BIN)/pytest --quiet --capture=no tests/test_model.py

hostile: $(VENV)/.installed-dev ## Make 100,000 hostile calls, and flood a server in thirty ways
	@HOSTILE_CALLS=100000 HOSTILE_ATTACKERS=64 BOTH_DATABASES=1 HOSTILE_EXAMPLES=2000 HOSTILE_TIMINGS=200 $(BIN)/pytest --quiet --capture=no tests/hostile

faults: $(VENV)/.installed-dev ## Break everything under the server, again and again, and count what is lost (ARGS='--kills 20')
	@$(BIN)/python -m tests.faults $(ARGS)

soak: $(VENV)/.installed-dev ## Put a mixed load on each database for ten minutes, and see what grows (ARGS='--minutes 1')
	@$(BIN)/python -m tests.soak $(ARGS)

bench: $(VENV)/.installed-dev ## Measure what calls cost (half an hour; ARGS=--short for a few minutes)
	@$(BIN)/python -m tests.bench $(ARGS)

check: $(VENV)/.installed-dev ## Lint, format, types, proto lint, generated code, direction of imports
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/python protos/generate.py --check
	@$(BIN)/buf lint generated/finlink/config/v1/descriptors.binpb --path finlink --config protos/buf.yaml
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.installed-dev ## Format the code, and repair what the linter can repair
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format --quiet

generate: $(VENV)/.installed-dev ## Write generated/ and the client's methods from protos/
	@$(BIN)/python protos/generate.py

clean: ## Remove .venv and caches; the data in .finlink stays
	@rm -rf $(VENV) tests/node/node_modules .bench build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find generated server clients protos tests -name __pycache__ -prune -exec rm -rf {} +

# Installed anew only when what says so is newer than the stamp.

$(VENV)/.installed-run: pyproject.toml $(VENV)/.created
	@echo "Installing the server into $(VENV), once: about half a minute." >&2
	@$(PIP) install --editable '.[server,cli,demo]'
	@touch $@

# Without npm's registry everything but the test in JavaScript works: that one says what is missing.
$(VENV)/.installed-dev: pyproject.toml tests/node/package-lock.json $(VENV)/.created
	@echo "Installing the server and the tools into $(VENV), once: about a minute." >&2
	@$(PIP) install --editable '.[dev]'
	-@$(BIN)/python -m tests.node_packages
	@touch $@ $(VENV)/.installed-run

$(VENV)/.created:
	@for python in $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14; do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			$$python -m venv --clear $(VENV) && touch $@; exit; \
		fi; \
	done; \
	echo "Finlink Config needs Python 3.11 or newer with venv and finds none: install it (Debian, Ubuntu: apt install python3-venv), or name one with make PYTHON=/path/to/python3." >&2; \
	exit 1
