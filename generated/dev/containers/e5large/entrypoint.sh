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
# With a key, the router rejects requests without it; /health and /metrics are open.
if [[ -n ${LISA_MODEL_KEY:-} ]]; then
  export API_KEY=$LISA_MODEL_KEY
fi
unset LISA_MODEL_KEY
export TOKENIZATION_WORKERS=${TOKENIZATION_WORKERS:-${THREADS:-1}}
arguments=(--model-id "${LOCAL_MODEL_PATH%/}" --hostname 0.0.0.0 --port 8080)
# SERVER_ARGS is split at white space. A word in quotes is one argument without them, also behind `--option=`; other
# quotes are kept, for JSON without spaces. What `serverArgs` lists comes as arguments of this script, word by word.
rest=${SERVER_ARGS:-}
backslash=$'\\'
quoted='^[[:space:]]*([^][[:space:]=(){}"'\'']*=)?("(([^"\\]|\\.)*)"|'\''([^'\'']*)'\'')([[:space:]].*|)$'
plain='^[[:space:]]*([^[:space:]]+)(.*)$'
while :; do
  if [[ $rest =~ $quoted ]]; then
    inner=${BASH_REMATCH[3]//'\"'/'"'}
    arguments+=("${BASH_REMATCH[1]}${inner//"$backslash$backslash"/"$backslash"}${BASH_REMATCH[5]}")
    rest=${BASH_REMATCH[6]}
  elif [[ $rest =~ $plain ]]; then
    arguments+=("${BASH_REMATCH[1]}")
    rest=${BASH_REMATCH[2]}
  else
    break
  fi
done
arguments+=("$@")

# The image for all GPUs starts the router that fits the GPU by a script.
if [[ -x /entrypoint.sh ]]; then
  exec /entrypoint.sh "${arguments[@]}"
fi
exec text-embeddings-router "${arguments[@]}"
