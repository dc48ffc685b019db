"""The models bucket of an environment, with S3's checksums where boto3 is installed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lisa_compiler.compile.weights import open_workspace

if TYPE_CHECKING:
    from lisa_compiler.project.project import ValidEnvironment
    from lisa_weights.store.checksums import ChecksumClient
    from lisa_weights.workspace import Workspace


def open_bucket_workspace(environment: ValidEnvironment, endpoint_url: str | None) -> Workspace:
    """Where the weights of an environment are, for commands that read or write the bucket.

    Args:
        environment: the environment.
        endpoint_url: address of an S3-compatible store; None for S3.
    """

    @cache
    def checksums() -> ChecksumClient | None:
        if find_spec("boto3") is None:
            return None
        from lisa_compiler.aws.checksums import open_checksum_objects  # noqa: PLC0415  # boto3: 0.4 s

        return open_checksum_objects(environment.config.region, endpoint_url)

    return replace(open_workspace(environment, endpoint_url), checksums=checksums)
