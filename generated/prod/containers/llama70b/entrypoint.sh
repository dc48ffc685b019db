#!/usr/bin/env bash
# Serves meta-llama/Llama-3.3-70B-Instruct with vLLM on port 8080.
#
# vLLM takes its settings as arguments; those that the configuration names after text-generation-inference are
# translated: MAX_TOTAL_TOKENS, MAX_CONCURRENT_REQUESTS and QUANTIZE. It reads VLLM_HTTP_TIMEOUT_KEEP_ALIVE itself. With
# a key, it rejects requests for /v1 without it; /health, /metrics and /tokenize are open.
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

export HF_HUB_OFFLINE=1
if [[ -n ${LISA_MODEL_KEY:-} ]]; then
  export VLLM_API_KEY=$LISA_MODEL_KEY
fi
unset LISA_MODEL_KEY
# Clients, and the gateway for them, ask for the public name; LiteLLM sends the other one.
names=("$MODEL_NAME")
if [[ -n ${PUBLIC_MODEL_NAME:-} ]]; then
  names=("$PUBLIC_MODEL_NAME" "$MODEL_NAME")
fi
arguments=(--served-model-name "${names[@]}" --host 0.0.0.0 --port 8080)

# Adds an option when its variable is set: flag, value.
option() { [[ -z $2 ]] || arguments+=("$1" "$2"); }

quantization=${QUANTIZE:-}
case $quantization in
  bitsandbytes*) quantization=bitsandbytes ;;
esac

parallel=${TENSOR_PARALLEL_SIZE:-}
if [[ -z $parallel ]] && ((gpus > 1)); then
  parallel=$gpus
fi

option --max-model-len "${MAX_TOTAL_TOKENS:-}"
option --max-num-seqs "${MAX_CONCURRENT_REQUESTS:-}"
option --quantization "$quantization"
option --dtype "${DTYPE:-}"
option --tensor-parallel-size "$parallel"
option --gpu-memory-utilization "${GPU_MEMORY_UTILIZATION:-}"
case ${TRUST_REMOTE_CODE:-} in
  1 | [Tt]rue | TRUE) arguments+=(--trust-remote-code) ;;
esac

# By default vLLM aborts what is in flight when it stops; before 0.18 it has no other way.
vllm=$(python3 -c 'import importlib.util as found; print(*found.find_spec("vllm").submodule_search_locations)' || true)
if grep -qs -e '--shutdown-timeout' "$vllm/engine/arg_utils.py"; then
  arguments+=(--shutdown-timeout "$DRAIN_TIMEOUT")
fi
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

# The oldest images have no `vllm` command, which replaces this module.
if command -v vllm >/dev/null; then
  exec vllm serve "${LOCAL_MODEL_PATH%/}" "${arguments[@]}"
fi
exec python3 -m vllm.entrypoints.openai.api_server --model "${LOCAL_MODEL_PATH%/}" "${arguments[@]}"
