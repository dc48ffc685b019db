"""manifest.json: what an environment's output was made from, what it holds, and the product code that it names.

Product code is not in the output: the manifest has its digests, and `lisa artifacts` builds it. The cloud assembly has
one digest for all its files, since whatever changes a template changes its asset manifest and the assembly's manifest.

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

from lisa_compiler.output.cdk_version import KEY as CDK_VERSION
from lisa_compiler.output.cdk_version import installed_version
from lisa_compiler.product.artifact import from_data, to_data
from lisa_schema.version import VERSION

if TYPE_CHECKING:
    from lisa_compiler.product.artifact import ProductArtifact
    from lisa_schema.models import Config

SCHEMA_VERSION = 2
"""Raised when the form of manifest.json changes."""

ASSEMBLY = "cloudformation/"
"""Directory of the cloud assembly in the output."""

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
    products: Iterable[ProductArtifact],
) -> bytes:
    """Build the manifest of an environment.

    Args:
        environment: name of the environment.
        config: its effective configuration.
        options: name and value of every option that changed the configuration: (`--region`, `us-east-1`),
            (`--set ecsModels[0].deploy`, `false`).
        files: the rest of the output, by path.
        products: the product code that is deployed with it.
    """
    manifest: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "lisaVersion": VERSION,
        CDK_VERSION: installed_version(),
        "environment": environment,
        "inputs": {"configuration": configuration_digest(config)},
        "options": recorded_options(options),
        "artifacts": {product.name: to_data(product) for product in products},
        "outputs": output_digests({path: sha256(content) for path, content in files.items()}),
    }
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()


def output_digests(files: Mapping[str, str]) -> dict[str, str]:
    """What a manifest says of its outputs, in order of path: of `cloudformation/`, one digest.

    Args:
        files: digest of each file, by path.
    """
    assembly = "".join(f"{path}\0{digest}\0" for path, digest in sorted(files.items()) if path.startswith(ASSEMBLY))
    found = {path: digest for path, digest in files.items() if not path.startswith(ASSEMBLY)}
    return dict(sorted({**found, **({ASSEMBLY: sha256(assembly.encode())} if assembly else {})}.items()))


def outputs(manifest: bytes) -> dict[str, str]:
    """Digests of the outputs that a manifest holds, by path; empty when it is not a manifest that can be read.

    Manifests of schema version 1 have the files of `cloudformation/` one by one.
    """
    found = _content(manifest).get("outputs")
    return {str(path): str(digest) for path, digest in found.items()} if isinstance(found, dict) else {}


def products(manifest: bytes) -> dict[str, ProductArtifact]:
    """The product code that a manifest names, by name; empty for schema version 1, whose output held a copy of it.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the manifest is not one that `lisa compile` writes.
    """
    return {name: from_data(name, data) for name, data in _content(manifest).get("artifacts", {}).items()}


def _content(manifest: bytes) -> dict[str, Any]:
    try:
        content = json.loads(manifest)
    except ValueError:
        return {}
    known = isinstance(content, dict) and content.get("schemaVersion") in {1, SCHEMA_VERSION}
    return content if known else {}


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
