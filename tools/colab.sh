#!/usr/bin/env bash
# Run the notebooks as Google Colab would: `make test-colab`.
#
# Makes build/colab-env with Colab's Python and packages (colab_packages.txt),
# then executes the notebooks of the last commit there, away from the
# repository. The Setup cell stays as it is: a module stands in for
# google.colab, and git takes the repository's address for this folder, so that
# pip installs from here. The notebooks with the outputs are left in build/colab.
#
# Needs the package registries, and a Python 3.13, which uv finds or fetches;
# PYTHON313 names one.
set -euo pipefail
cd "$(dirname "$0")/.."
address=$(sed -n 's/^Repository = "\(.*\)"/\1/p' pyproject.toml)
folder=$PWD/build/colab-env
results=$PWD/build/colab
export UV_SYSTEM_CERTS=1
uv() { .venv/bin/python -m uv "$@"; }

uv venv --quiet --clear --python "${PYTHON313:-3.13}" "$folder"
# Nothing is compiled: Colab's packages come as wheels.
uv pip install --quiet --python "$folder" --only-binary=:all: \
  -r tools/colab_packages.txt
# IPython runs this before a notebook's first cell. Colab's own module has been
# imported by then too, which is how notebooks recognise Colab.
export IPYTHONDIR=$folder/ipython
mkdir -p "$IPYTHONDIR/profile_default/startup" "$results"
echo 'import sys, types; sys.modules["google.colab"] = types.ModuleType("google.colab")' \
  >"$IPYTHONDIR/profile_default/startup/google_colab.py"
uv pip freeze --python "$folder" >"$results/before.txt"

git archive HEAD notebooks | tar -x -C "$results"
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$PWD.insteadOf"
export GIT_CONFIG_VALUE_0=$address
PATH=$folder/bin:$PATH python -m tools.execute_notebooks \
  "$results"/notebooks/*.ipynb

uv pip freeze --python "$folder" >"$results/after.txt"
if grep -vxFf "$results/after.txt" "$results/before.txt"; then
  echo "The Setup cell replaced these packages of Colab's." >&2
  exit 1
fi
