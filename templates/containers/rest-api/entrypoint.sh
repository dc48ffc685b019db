#!/usr/bin/env bash
# Runs the LiteLLM proxy on the loopback interface and the gateway on port 8080. When either ends, the container ends,
# and ECS starts another. The gateway ends itself when LiteLLM hangs (HANG_TIMEOUT).
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

say() { printf 'rest-api: %s\n' "$*" >&2; }

missing=()
for name in AWS_REGION DRAIN_TIMEOUT KEEP_ALIVE_TIMEOUT REGISTERED_MODELS_PS_NAME THREADS TOKEN_TABLE_NAME; do
  [[ -n ${!name:-} ]] || missing+=("$name")
done
if [[ ${USE_AUTH:-true} != false ]]; then
  for name in AUTHORITY CLIENT_ID; do
    [[ -n ${!name:-} ]] || missing+=("$name")
  done
fi
if ((${#missing[@]} > 0)); then
  say "ERROR: set these environment variables: ${missing[*]}"
  exit 1
fi

# The gateway's keys for LiteLLM, new at every start: one reaches inference only, one what administrators may use. Both
# processes get them (lisa_gateway/proxy_authorization.py). LiteLLM does not start without a master key, which is never
# used: unless one is configured, it is discarded with the container.
make_key() { printf 'sk-%s' "$(od -An -vtx1 -N32 /dev/urandom | tr -d ' \n')"; }
LITELLM_KEY=$(make_key)
LITELLM_ADMIN_KEY=$(make_key)
export LITELLM_KEY LITELLM_ADMIN_KEY
export LITELLM_MASTER_KEY=${LITELLM_MASTER_KEY:-$(make_key)}
export LITELLM_URL=http://127.0.0.1:4000
export ROUTES_FILE=$here/gateway/routes.json
# A worker is killed when it is silent for --timeout_worker_healthcheck, which includes its start: importing LiteLLM
# takes longer than uvicorn's 5 seconds when several workers share a processor.
litellm --config "$here/litellm/config.yaml" --host 127.0.0.1 --port 4000 --num_workers "$THREADS" \
  --keepalive_timeout "$KEEP_ALIVE_TIMEOUT" --timeout_worker_healthcheck 60 &
litellm=$!
LITELLM_MASTER_KEY='' python3 -m lisa_gateway &
gateway=$!

# The gateway lets its requests end, for which it needs LiteLLM, so that LiteLLM stops after it.
stopping=
trap 'stopping=yes; kill -TERM "$gateway" 2>/dev/null || true' TERM INT

# Waits for a process to its end, and kills it after so many seconds: a LiteLLM that hangs does not hear SIGTERM.
finish() {
  local deadline=$((SECONDS + $2))
  while kill -0 "$1" 2>/dev/null; do
    if ((SECONDS >= deadline)); then
      say "ERROR: process $1 did not stop within $2 s; killed"
      kill -KILL "$1" 2>/dev/null || true
      wait "$1" 2>/dev/null || true
      return
    fi
    sleep 0.1
  done
}

# Beyond the time in which the gateway lets its requests end; together 10 seconds less than ECS waits (stopTimeout).
gateway_stop=$((DRAIN_TIMEOUT + 10))
litellm_stop=${LITELLM_STOP_SECONDS:-10}

status=0
wait -n "$litellm" "$gateway" || status=$?
if [[ -n $stopping ]]; then
  finish "$gateway" "$gateway_stop"
  kill -TERM "$litellm" 2>/dev/null || true
  finish "$litellm" "$litellm_stop"
  say "stopped"
  exit 0
fi
kill -0 "$litellm" 2>/dev/null || say "ERROR: LiteLLM ended with status $status"
kill -0 "$gateway" 2>/dev/null || say "ERROR: the gateway ended with status $status"
kill -TERM "$litellm" "$gateway" 2>/dev/null || true
finish "$gateway" "$gateway_stop"
finish "$litellm" "$litellm_stop"
exit $((status == 0 ? 1 : status))
