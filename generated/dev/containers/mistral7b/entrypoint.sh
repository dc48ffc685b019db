#!/usr/bin/env bash
# Serves mistralai/Mistral-7B-Instruct-v0.2 with text-generation-inference on port 8080.
#
# The launcher itself reads QUANTIZE, MAX_CONCURRENT_REQUESTS, MAX_INPUT_LENGTH, MAX_TOTAL_TOKENS, DTYPE,
# TRUST_REMOTE_CODE, NUM_SHARD and its other settings from the environment.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

# Bash as the first process of a container ignores a signal without a trap, and obeys it only between commands.
bash "$here/fetch-weights.sh" &
fetching=$!
trap 'kill -TERM "$fetching" 2>/dev/null || true; exit 143' TERM INT
wait "$fetching"
trap - TERM INT

gpus=0
if command -v nvidia-smi >/dev/null; then
  gpus=$(nvidia-smi --list-gpus | wc -l)
fi

if [[ -z ${NUM_SHARD:-} ]] && ((gpus > 1)); then
  export NUM_SHARD=$gpus
fi

export HF_HUB_OFFLINE=1
arguments=(--model-id "${LOCAL_MODEL_PATH%/}" --hostname 0.0.0.0 --port 8080)
if [[ -n ${SERVER_ARGS:-} ]]; then
  read -r -a words <<<"$SERVER_ARGS"
  arguments+=("${words[@]}")
fi

# From 2.3 on the image starts the launcher by a script that prepares the libraries' paths.
if [[ -x /tgi-entrypoint.sh ]]; then
  exec /tgi-entrypoint.sh "${arguments[@]}"
fi
exec text-generation-launcher "${arguments[@]}"
