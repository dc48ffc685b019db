#!/usr/bin/env bash
# Runs the gateway on port 8080 and LiteLLM on the loopback interface: lisa_gateway.supervisor does. When the gateway
# ends, the container ends, and ECS starts another.
set -euo pipefail
exec python3 -m lisa_gateway.supervisor
