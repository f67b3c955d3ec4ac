# Everything a learner or a maintainer needs, one word each.

PYTHON3 ?= python3
NOTEBOOK ?= $(sort $(wildcard notebooks/*.ipynb))
python := .venv/bin/python
first := notebooks/00_start_here.ipynb

# JupyterLab refuses root without a flag, and cannot open a browser without a
# screen (macOS has one that no variable names). LAB_ARGS adds flags.
as_root := $(if $(filter 0,$(shell id -u)),--allow-root)
screen := $(DISPLAY)$(WAYLAND_DISPLAY)$(filter Darwin,$(shell uname))
no_browser := $(if $(screen),,--no-browser)

# Two workers, each with whole files: the kernel of a notebook, the models of a
# test are loaded once. Their order is that of tests/conftest.py.
pytest := $(python) -m pytest -n 2 --dist loadscope --no-loadscope-reorder \
  --nbval --nbval-current-env

# TensorFlow's start messages differ from machine to machine.
export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help environment with-tests lab check test test-colab notebooks \
  site bench pack clean

help:  ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

environment:
	@$(PYTHON3) tools/setup_environment.py

# The same, and what only the tests need.
with-tests:
	@$(PYTHON3) tools/setup_environment.py --tests

# Its terminals and notebooks find this Python under the name "python". The
# other kind of extension manager asks pypi.org when its tab is opened.
lab: environment  ## Set up (the first time), then open the course in JupyterLab
	PATH="$(CURDIR)/.venv/bin:$$PATH" \
	  $(python) -m jupyterlab --ServerApp.root_dir=. $(as_root) $(no_browser) \
	  --LabApp.extension_manager=readonly \
	  --LabApp.default_url=/lab/tree/$(first) $(LAB_ARGS)

check: with-tests  ## A minute or two while you work: style, quick tests, notebook 02
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(pytest) --quick tests notebooks/02_face_landmarks.ipynb

test: with-tests  ## Check style, run the tests, compare every notebook's outputs
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(pytest) tests notebooks --nbval-cell-timeout=580

test-colab: with-tests  ## Run all notebooks with Google Colab's packages (half an hour)
	tools/colab.sh

notebooks: with-tests  ## Execute notebooks, store their outputs (NOTEBOOK=path: one)
	$(python) -m tools.execute_notebooks $(NOTEBOOK)

site: with-tests  ## Make pages to read of the notebooks, in build/site/html
	$(python) -m tools.site

bench: with-tests  ## Measure the speed against the usual alternatives
	set -e; for part in faces search style; do $(python) -m benchmarks.$$part; done

pack: with-tests  ## Build the embedded face models again from their sources
	$(python) -m tools.build_course_mini

clean:  ## Delete what these commands made, the environment included
	rm -rf .venv build .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	find notebooks -name .ipynb_checkpoints -prune -exec rm -rf {} +
