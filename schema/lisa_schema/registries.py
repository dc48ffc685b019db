"""Container registries by the name of an image: which can be reached only over the internet."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_DOCKER_HUB: Final = "docker.io"
_PUBLIC: Final = re.compile(
    r"(.+\.)?(docker\.io|docker\.com|ghcr\.io|quay\.io|gcr\.io|pkg\.dev|k8s\.io|mcr\.microsoft\.com|azurecr\.io|nvcr\.io"
    r"|public\.ecr\.aws|registry\.gitlab\.com|lscr\.io|cgr\.dev|redhat\.io|registry\.access\.redhat\.com|hf\.co"
    r"|docker\.elastic\.co|container-registry\.oracle\.com)(:[0-9]+)?",
    re.IGNORECASE,
)
_PUBLIC_SITE: Final = re.compile(
    r"(.+\.)?(pypi\.org|pythonhosted\.org|anaconda\.(com|org)|continuum\.io|github\.com|githubusercontent\.com"
    r"|huggingface\.co|amazonaws\.com(\.cn)?|amazonaws\.eu)",
    re.IGNORECASE,
)
_ECR: Final = re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.(?P<suffix>[a-z0-9.-]+)")


def registry_host(image: str) -> str:
    """The host that an image comes from: Docker Hub for a name without one, as `docker pull` reads it."""
    first, slash, _ = image.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first.lower() if is_host else _DOCKER_HUB


def is_on_internet(image: str, dns_suffix: str) -> bool:
    """Whether an image comes from a public registry, or from Amazon ECR outside of a partition.

    Args:
        image: reference of the image.
        dns_suffix: how host names end in the partition: `c2s.ic.gov`.
    """
    host = registry_host(image)
    ecr = _ECR.fullmatch(host)
    if ecr is not None:
        return ecr["suffix"] != dns_suffix
    return _PUBLIC.fullmatch(host) is not None


def is_public_site(url: str) -> bool:
    """Whether a URL of builds is on the internet: a public package index, a download site, or AWS."""
    return _PUBLIC_SITE.fullmatch(urlsplit(url).hostname or "") is not None


def ecr_home(image: str) -> tuple[str, str, str] | None:
    """The account, the Region and the repository of an image in Amazon ECR, by its address; None for another one."""
    host, _, path = image.partition("/")
    found = _ECR.fullmatch(host)
    return (found["account"], found["region"], path) if found and path else None


def ecr_repository(image: str, partition: str) -> str | None:
    """The ARN of the ECR repository that an image is in, by its address; None for an image of another registry.

    Args:
        image: reference of the image.
        partition: the partition of the deployment: `aws`.
    """
    host, _, path = image.partition("/")
    found = _ECR.fullmatch(host)
    if found is None or not path:
        return None
    name = path.partition("@")[0].partition(":")[0]
    return f"arn:{partition}:ecr:{found['region']}:{found['account']}:repository/{name}"
