"""Cases of the rules about health checks of containers and load balancers."""

from __future__ import annotations

from .changes import EMBEDDING, IMAGE, MODEL_IMAGE, Failing, Passing
from .engine_settings import SGLANG, VLLM
from .images import INSTRUCTOR, TEI, on, pulled

CHECK = "restApiConfig.containerConfig.healthCheckConfig.command"
OF_MODEL = "ecsModels[mistral7b].containerConfig.healthCheckConfig.command"
AT = "ecsModels[0].containerConfig.healthCheckConfig.command"
TARGETS = "restApiConfig.loadBalancerConfig.healthCheckConfig.path"
OF_TARGETS = "ecsModels[mistral7b].loadBalancerConfig.healthCheckConfig.path"
AT_TARGETS = "ecsModels[0].loadBalancerConfig.healthCheckConfig.path"
SLIM = f"{IMAGE}.baseImage=python:3.12-slim-bookworm"
ALPINE = f"{IMAGE}.baseImage=public.ecr.aws/docker/library/python:3.12-alpine"
OWN = f"{IMAGE}={{baseImage: 'python:3.12-slim', path: docker/mine}}"
OF_OTHERS = f"{IMAGE}={{type: registry, registry: 'registry.example.com/gateway:3'}}"


def line(text: str, at: str = CHECK) -> str:
    """A check that is a line of shell."""
    quoted = text.replace("'", "''")
    return f"{at}=[CMD-SHELL, '{quoted}']"


def words(*each: str, at: str = CHECK) -> str:
    """A check that is a program with its arguments."""
    shown = ", ".join("'" + one.replace("'", "''") + "'" for one in each)
    return f"{at}=[CMD, {shown}]"


URLOPEN = "import urllib.request as r; r.urlopen('http://localhost:{port}{path}')"

PASSING: Passing = {
    "container-check": [
        [],
        [line("curl -f http://localhost:8080/health || exit 1")],
        [line("wget -q --spider http://127.0.0.1:8080/health || exit 1")],
        [SLIM, words("python3", "-c", URLOPEN.format(port=8080, path="/health"))],
        [SLIM, line("curl -sf localhost:8080/health || python3 -c 'import x; assert x.a > 3'")],
        [SLIM, line("curl -f http://localhost:8080/health || true")],
        [SLIM, line("test -e /tmp/ready && exit 0")],
        [SLIM, line("python - < /opt/check.py 2>&1 | grep -q ok")],
        [ALPINE, line("wget -qO- http://localhost:8080/health/readiness")],
        [line("curl -s http://localhost:8080/nowhere")],
        [line("curl -f http://localhost:9090/metrics")],
        [line("curl -f http://localhost:9100/metrics"), "restApiConfig.containerConfig.environment.METRICS_PORT=9100"],
        [line("curl -f http://localhost:${PORT:-8080}/health")],
        [line("curl -f http://localhost:8000/health; curl -f http://localhost:8080/health")],
        [line("exit 1")],
        # What another image runs is unknown.
        [OWN, line("curl -f http://localhost:3000/")],
        [OF_OTHERS, line("curl -f http://localhost:3000/")],
        [*VLLM, line("curl -f http://localhost:8080/ping", OF_MODEL)],
        [*VLLM, line("curl -f http://localhost:8080/v1/models", OF_MODEL)],
        [*EMBEDDING, on(f"{TEI}:86-1.8"), line("curl -f http://localhost:9000/metrics", OF_MODEL)],
        [line("nc -z localhost 8080")],
        [words("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080")],
    ],
    "health-path": [
        [],
        [f"{TARGETS}=/health/readiness"],
        [f"{TARGETS}=/health?from=load-balancer"],
        [*VLLM, f"{OF_TARGETS}=/ping"],
        [*VLLM, f"{OF_TARGETS}=/v1/models"],
        [*SGLANG, f"{OF_TARGETS}=/health_generate"],
        [f"{OF_TARGETS}=/"],
        [*EMBEDDING, on(f"{TEI}:86-1.8"), f"{OF_TARGETS}=/"],
        [*VLLM, f"{MODEL_IMAGE}={{baseImage: 'vllm/vllm-openai:v0.32.0', path: docker/mine}}", f"{OF_TARGETS}=/alive"],
        [OF_OTHERS, f"{TARGETS}=/alive"],
    ],
}

FAILING: Failing = {
    "container-check": [
        ([SLIM, line("curl -f http://localhost:8080/health || exit 1")], CHECK),
        ([SLIM, line("wget -qO- localhost:8080/health")], CHECK),
        ([SLIM, line("timeout 3 nc -z localhost 8080")], CHECK),
        ([ALPINE, line("/usr/bin/curl --fail http://localhost:8080/health")], CHECK),
        ([SLIM, words("curl", "-f", "http://localhost:8080/health")], CHECK),
        ([f"{IMAGE}.baseImage=registry.example.com/python:3.12-slim", line("curl -f localhost:8080/health")], CHECK),
        ([words("python", "-c", URLOPEN.format(port=8000, path="/health"))], CHECK),
        ([words("python", "-c", "import socket; socket.create_connection(('localhost', 80))")], CHECK),
        ([line("curl -f http://localhost/health")], CHECK),
        ([line("curl -kf https://localhost:8080/health")], CHECK),
        ([line("curl -f http://localhost:8080/healthz")], CHECK),
        ([line("curl -sSf http://localhost:8080")], CHECK),
        ([words("python", "-c", URLOPEN.format(port=8080, path="/"))], CHECK),
        ([words("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000")], CHECK),
        ([words("curl -f http://localhost:8080/health")], CHECK),
        ([words("curl", "-f", "http://localhost:8080/health", "||", "exit", "1")], CHECK),
        ([words("curl", "-f", "http://localhost:$PORT/health")], CHECK),
        ([f"{CHECK}=[CMD-SHELL, curl, -f, 'http://localhost:8080/health']"], CHECK),
        ([line("curl -f 'http://localhost:8080/health")], CHECK),
        ([*VLLM, line("curl -f http://localhost:8000/health", OF_MODEL)], AT),
        ([*VLLM, line("curl -f http://localhost:8080/v1/health", OF_MODEL)], AT),
        ([*VLLM, line("curl -fI http://localhost:8080/health", OF_MODEL)], AT),
        ([*SGLANG, line("curl -f http://localhost:30000/health", OF_MODEL)], AT),
        ([*INSTRUCTOR, on("python:3.12-slim"), line("curl -f http://localhost:8080/health", OF_MODEL)], AT),
        (["modelKeys=true", *VLLM, line("curl -f http://localhost:8080/v1/models", OF_MODEL)], AT),
    ],
    "health-path": [
        *(
            ([f"{TARGETS}={path}"], TARGETS)
            for path in ("/healthz", "/", "/ping", "/api/health", "/health/liveliness", "/health/", "/v2/serve/models")
        ),
        ([*VLLM, f"{OF_TARGETS}=/v1/health"], AT_TARGETS),
        ([*VLLM, f"{OF_TARGETS}=/"], AT_TARGETS),
        ([*SGLANG, f"{OF_TARGETS}=/healthz"], AT_TARGETS),
        ([f"{OF_TARGETS}=/healthz"], AT_TARGETS),
        ([*EMBEDDING, on(f"{TEI}:86-1.8"), f"{OF_TARGETS}=/v1/health"], AT_TARGETS),
        ([*INSTRUCTOR, on("python:3.12"), f"{OF_TARGETS}=/ping"], AT_TARGETS),
        (["modelKeys=true", *VLLM, f"{OF_TARGETS}=/v1/models"], AT_TARGETS),
        ([VLLM[0], pulled("vllm/vllm-openai:v0.32.0"), f"{OF_TARGETS}=/healthz"], AT_TARGETS),
        ([VLLM[0], pulled("registry.example.com/our-vllm:0.32.0"), f"{OF_TARGETS}=/healthz"], AT_TARGETS),
    ],
}
