# Every command needs make and a Python >= 3.11 with venv; the rest is installed into .venv*/.
#   make lab       JupyterLab on your working copy of the lessons (ARGS=--no-browser)
#   make test      every test that needs no browser and no TensorFlow, lessons included
#   make help      the others
# Extra arguments go through ARGS: make test ARGS="-k tape -x".

ARGS ?=
JOBS ?= auto
PROGRAMS ?= 10000
# A Python of the required version that can make environments; Debian splits ensurepip off.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo "$$p" && break; done)

BIN := .venv/bin/python -m
LESSON := 00_start_here.ipynb
NBVAL := --nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg \
	--nbval-cell-timeout=120
# Said in full the first time, which takes a minute or two; after that only if it fails.
INSTALL = $(@D)/bin/python -m pip install --disable-pip-version-check \
	$(if $(wildcard $(@D)/.with-*),--quiet)
# Jupyter refuses to run as root unless told; containers are often root, and it listens
# on this machine alone.
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
# Or JupyterLab begins by asking whether it may fetch news, over the lesson.
LABCONFIG := .venv/etc/jupyter/labconfig
NO_NEWS := {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}

# An environment whose Python is gone, or whose directory was moved, is made again.
IGNORED := $(shell for v in .venv .venv-parity .venv-bench; do \
	if [ -e $$v/.made ]; then \
	[ "$$(cat $$v/.made)" = "$(CURDIR)" ] && $$v/bin/python -c '' 2>/dev/null \
	|| rm -f $$v/.made $$v/.with-*; fi; done)

.PHONY: help lab test test-code test-lessons browser parity bench slides handout lint clean
.DELETE_ON_ERROR:

help:
	@echo "make lab        open the lessons in JupyterLab (ARGS=--no-browser: only serve)"
	@echo "make test       all tests that need no browser and no TensorFlow"
	@echo "make browser    the lessons in a real browser (needs chromium)"
	@echo "make parity     compare with TensorFlow, in .venv-parity (PROGRAMS=$(PROGRAMS))"
	@echo "make bench      measure speed against the installed peers, in .venv-bench"
	@echo "make slides     the lessons as slides, into build/slides"
	@echo "make handout    the lessons without solutions, and a zip, into build/handout"
	@echo "make lint       ruff and mypy"
	@echo "make clean      remove what is made again; never work/, your copy of the lessons"

lab: .venv/.with-lab
	@$(BIN) tapelab.workcopy notebooks work
	@mkdir -p $(LABCONFIG) && echo '$(NO_NEWS)' > $(LABCONFIG)/default_setting_overrides.json
	$(BIN) jupyterlab --ServerApp.root_dir="$(CURDIR)" \
		--LabApp.default_url=/lab/tree/work/$(LESSON) $(ROOT) $(ARGS)

test: test-code test-lessons

# The workers use every core already; threads of BLAS on top would wait for each other.
test-code test-lessons: export OMP_NUM_THREADS ?= 1

test-code: .venv/.with-test
	$(BIN) pytest -n $(JOBS) --dist loadscope $(ARGS)

test-lessons: .venv/.with-test
	$(BIN) pytest -n $(JOBS) --dist loadscope $(NBVAL) notebooks $(ARGS)

browser: .venv/.with-dev
	$(BIN) pytest tests/browser $(ARGS)

parity: .venv-parity/.with-parity
	TAPELAB_PARITY_PROGRAMS=$(PROGRAMS) .venv-parity/bin/python -m pytest tests/parity $(ARGS)

bench: .venv-bench/.with-bench
	.venv-bench/bin/python -m benchmarks $(ARGS)

slides: .venv/.with-slides
	.venv/bin/python tools/lessons.py slides $(ARGS)

handout: .venv/.with-lab
	.venv/bin/python tools/lessons.py handout $(ARGS)

lint: .venv/.with-dev
	$(BIN) ruff check .
	$(BIN) mypy

clean:
	rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

# .venv/.with-lab: the environment .venv holds what the extra `lab` names in pyproject.toml.
# After an update, and without a network, the lessons go on with what is installed.
.venv/.with-%: .venv/.made pyproject.toml
	@echo $(INSTALL) -e "'.[$*]'"
	@if $(INSTALL) -e '.[$*]'; then touch $@; \
	elif [ "$*" = lab ] && [ -e $@ ] && $(@D)/bin/python -m tapelab.ready; then \
		echo "Not brought up to date (no network?): going on with what is installed."; \
	else exit 1; fi

.venv-parity/.with-%: .venv-parity/.made pyproject.toml
	$(INSTALL) -e '.[$*]'
	@touch $@

# PyTorch's own index has a CPU build for Linux; without it the comparison goes on.
.venv-bench/.with-%: .venv-bench/.made pyproject.toml
	$(INSTALL) -e '.[$*]'
	@[ "$$(uname)" != Linux ] || $(@D)/bin/python -c 'import torch' 2>/dev/null || \
		$(INSTALL) --retries 1 torch --index-url https://download.pytorch.org/whl/cpu || \
		echo "PyTorch is left out: its index of CPU builds could not be reached."
	@touch $@

# An environment already there, made by hand for example, is kept if it can be used.
.venv/.made .venv-parity/.made .venv-bench/.made:
	@if ! $(@D)/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' \
		2>/dev/null; then \
		if [ ! -w . ]; then \
			echo "$(CURDIR) cannot be written: copy it to a folder of your own, and work there."; \
			exit 1; \
		fi; \
		if [ -z "$(PYTHON)" ]; then \
			echo "No Python >= 3.11 with venv and ensurepip was found."; \
			echo "Debian, Ubuntu: sudo apt-get install python3-venv"; \
			echo "others: https://www.python.org/downloads/, or conda (see README.md)"; \
			echo "elsewhere on this machine: make PYTHON=/path/to/python3"; \
			exit 1; \
		fi; \
		"$(PYTHON)" -m venv --clear $(@D); \
	fi
	@echo "$(CURDIR)" > $@
