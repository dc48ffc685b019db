#!/usr/bin/env bash
# Pins what the images and the Lambda layers install, with the hashes of every file of each version:
# `bash runtime/compile_requirements.sh` after a change of a requirements.in, or with --upgrade for newer versions. It
# needs uv; neither the index nor a path of this machine gets into the locks. The pins of the gateway hold for any Python
# from 3.11 on, those of the instructor server from 3.10 on; a layer has pins for each Python that Lambda has, since pip
# would read markers for the machine that builds the layer. `make licences` is next, since docs/licences.md lists them.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

compile() {
  uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header "$@"
}

compile --universal --python-version 3.11 --excludes gateway/excluded.txt "$@" \
  gateway/requirements.in --output-file gateway/requirements.txt
compile --universal --python-version 3.10 "$@" \
  instructor/requirements.in --output-file instructor/requirements.txt
# The same for any Python: one program, in a wheel for each platform.
compile --universal --python-version 3.8 "$@" tools/requirements.in --output-file tools/requirements.txt

for layer in lambdas/layers/*/; do
  for python in 3.8.20 3.9 3.10 3.11 3.12 3.13; do
    compile --only-binary :all: --python-version "$python" --python-platform x86_64-manylinux2014 "$@" \
      "${layer}requirements.in" --output-file "${layer}requirements-py${python%.20}.txt"
  done
done
