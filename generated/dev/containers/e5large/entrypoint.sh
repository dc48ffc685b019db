#!/usr/bin/env bash
# Serves intfloat/e5-large-v2 with text-embeddings-inference on port 8080.
#
# The router itself reads MAX_CONCURRENT_REQUESTS, MAX_BATCH_TOKENS, MAX_CLIENT_BATCH_SIZE, POOLING, DTYPE and its other
# settings from the environment.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

# Bash as the first process of a container ignores a signal without a trap, and obeys it only between commands.
bash "$here/fetch-weights.sh" &
fetching=$!
trap 'kill -TERM "$fetching" 2>/dev/null || true; exit 143' TERM INT
wait "$fetching"
trap - TERM INT

export HF_HUB_OFFLINE=1
export TOKENIZATION_WORKERS=${TOKENIZATION_WORKERS:-${THREADS:-1}}
arguments=(--model-id "${LOCAL_MODEL_PATH%/}" --hostname 0.0.0.0 --port 8080)
if [[ -n ${SERVER_ARGS:-} ]]; then
  read -r -a words <<<"$SERVER_ARGS"
  arguments+=("${words[@]}")
fi

# The image for all GPUs starts the router that fits the GPU by a script.
if [[ -x /entrypoint.sh ]]; then
  exec /entrypoint.sh "${arguments[@]}"
fi
exec text-embeddings-router "${arguments[@]}"
