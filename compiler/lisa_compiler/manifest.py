"""manifest.json: what an environment's output was made from, and what it holds, by digest.

It holds nothing but what the output follows from: a comment in the configuration, another environment's block or
another machine leave it as it is. The user's own files, such as a container's build context, are in the output, and so
their digests are among those of the outputs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lisa_schema.version import VERSION

if TYPE_CHECKING:
    from lisa_schema.models import Config

SCHEMA_VERSION = 1
"""Raised when the form of manifest.json changes."""

_PRIVATE = re.compile(r"key|secret|password|token|credential", re.IGNORECASE)


def sha256(content: bytes) -> str:
    """Digest of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def configuration_digest(config: Config) -> str:
    """Digest of the effective configuration, defaults included; independent of the files that it came from."""
    return sha256(_canonical(config.model_dump(mode="json", by_alias=True)))


def recorded_options(options: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Options as the manifest tells them: a value that may be a secret is replaced by its digest."""
    return {
        name: f"sha256:{sha256(value.encode())}" if _PRIVATE.search(name + value) else value
        for name, value in sorted(options)
    }


def build(
    environment: str,
    config: Config,
    *,
    options: Iterable[tuple[str, str]],
    files: Mapping[str, bytes],
) -> bytes:
    """Build the manifest of an environment.

    Args:
        environment: name of the environment.
        config: its effective configuration.
        options: name and value of every option that changed the configuration: (`--region`, `us-east-1`),
            (`--set ecsModels[0].deploy`, `false`).
        files: the rest of the output, by path.
    """
    manifest: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "lisaVersion": VERSION,
        "environment": environment,
        "inputs": {"configuration": configuration_digest(config)},
        "options": recorded_options(options),
        "outputs": {path: sha256(files[path]) for path in sorted(files)},
    }
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()


def outputs(manifest: bytes) -> dict[str, str]:
    """Digests of the files that a manifest tells, by path; empty when it is not a manifest of this version."""
    try:
        content = json.loads(manifest)
    except ValueError:
        return {}
    if not isinstance(content, dict) or content.get("schemaVersion") != SCHEMA_VERSION:
        return {}
    found = content.get("outputs")
    return {str(path): str(digest) for path, digest in found.items()} if isinstance(found, dict) else {}


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
