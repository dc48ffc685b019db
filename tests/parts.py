"""What some tests need beside .venv: where it is, whether it is installed, and which command installs it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTORCH = ROOT / ".venv" / "weights"
"""Virtual environment with PyTorch, transformers and vLLM."""
MACHINE = ROOT / ".venv" / "aws-fidelity" / "machine"
"""Kernel, initial RAM disk and root volume of the virtual machine that boots user data."""

KEYCLOAK = ROOT / ".venv" / "keycloak"
"""Keycloak, with the realm of the tests in its database."""

OPENSEARCH = ROOT / ".venv" / "opensearch"
"""OpenSearch with its k-NN plugin."""

CLIENTS = ROOT / ".venv" / "clients"
"""Virtual environment with the client libraries that the gateway is tested with."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a machine may lack.

    Attributes:
        name: what it is.
        command: what installs it.
        is_installed: whether it is there.
    """

    name: str
    command: str
    is_installed: bool


def pytorch() -> Part:
    """Look for the parts that weights are tested with; complete when the stamp is the lock."""
    stamp, lock = PYTORCH / ".installed-weights", ROOT / "requirements" / "weights.txt"
    is_installed = stamp.is_file() and stamp.read_bytes() == lock.read_bytes()
    return Part("PyTorch, transformers and vLLM", "make weights-parts", is_installed)


def machine() -> Part:
    """Look for the virtual machine; complete when its build is the one of this checkout."""
    sources = ROOT / "tests" / "aws_fidelity" / "machine"
    files = [sources / name for name in ("build", "as-instance", "report", "stub", "cloud.cfg")]
    files += sorted((sources / "units").iterdir())
    stamp = MACHINE / ".installed"
    is_installed = stamp.is_file() and stamp.read_bytes() == b"".join(path.read_bytes() for path in files)
    return Part("a virtual machine that boots user data", "make aws-fidelity-parts", is_installed)


def keycloak() -> Part:
    """Look for Keycloak; complete when its build is the one of this checkout."""
    sources = ROOT / "tests" / "keycloak"
    stamp = KEYCLOAK / ".installed"
    built_from = b"".join((sources / name).read_bytes() for name in ("build", "realm.json"))
    is_installed = stamp.is_file() and stamp.read_bytes() == built_from and shutil.which("java") is not None
    return Part("Keycloak", "make identity-parts", is_installed)


def opensearch() -> Part:
    """Look for OpenSearch; complete when its build is the one of this checkout."""
    sources = ROOT / "tests" / "opensearch"
    stamp = OPENSEARCH / ".installed"
    built_from = b"".join((sources / name).read_bytes() for name in ("build", "pom.xml", "checksums", "Server.java"))
    is_installed = stamp.is_file() and stamp.read_bytes() == built_from and shutil.which("java") is not None
    return Part("OpenSearch", "make opensearch-parts", is_installed)


def clients() -> Part:
    """Look for the client libraries; complete when the stamps are the locks."""
    javascript = ROOT / "tests" / "clients" / "javascript"
    stamps = {
        CLIENTS / ".installed-clients": ROOT / "requirements" / "clients.txt",
        javascript / "node_modules" / ".installed": javascript / "package-lock.json",
    }
    is_installed = all(stamp.is_file() and stamp.read_bytes() == lock.read_bytes() for stamp, lock in stamps.items())
    return Part("client libraries", "make clients-parts", is_installed)


def encodings() -> Path:
    """The directory of OpenAI's encodings in the form of tiktoken's cache, which LiteLLM brings along."""
    (found,) = CLIENTS.glob("lib/python*/site-packages/litellm/litellm_core_utils/tokenizers")
    return found


def load_balancer() -> Part:
    """Look for nginx, which stands for a load balancer, and for what gives containers their own networks."""
    is_installed = os.geteuid() == 0 and all(map(shutil.which, ("nginx", "ip", "unshare", "nsenter", "taskset")))
    return Part("nginx and network namespaces, as root", "apt-get install nginx-light iproute2", is_installed)


def parts() -> tuple[Part, ...]:
    """Look for all of them."""
    tools = os.pathsep.join((str(ROOT / "node_modules" / ".bin"), os.environ.get("PATH", os.defpath)))
    provider = ROOT / "tests" / "oidc_provider" / "node_modules"
    return (
        pytorch(),
        Part("LiteLLM and small models", "make gateway-parts", (ROOT / ".venv/gateway/.installed-models").is_file()),
        Part("an OpenID provider", "make gateway-parts", provider.is_dir()),
        Part("the cdk CLI", "make deployment-parts", shutil.which("cdk", path=tools) is not None),
        machine(),
        keycloak(),
        opensearch(),
        clients(),
        load_balancer(),
        Part("buildah", "apt-get install buildah busybox-static", shutil.which("buildah") is not None),
    )


def pytorch_environment(**more: str) -> Mapping[str, str]:
    """Variables for a process with PyTorch: this checkout's packages, no network, and vLLM in the same process."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {
        **inherited,
        "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("compiler", "weights", "schema", "tests")),
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_LOGGING_LEVEL": "WARNING",
        "VLLM_NO_USAGE_STATS": "1",
        **more,
    }
