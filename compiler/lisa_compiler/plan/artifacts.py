"""Artifacts: what a deployment needs besides its templates, each named by the digest of what it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustDigests:
    """SHA-256 digests of the trust bundle, in hexadecimal.

    Attributes:
        archive: of what the archive is made from; the artifact's name.
        bundle: of the file in it, which instances compare.
    """

    archive: str
    bundle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfiguration:
    """SHA-256 digests, in hexadecimal, of the files that the gateway reads while it runs.

    Attributes:
        routes: of the routes document.
        litellm: of LiteLLM's configuration file.
    """

    routes: str
    litellm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactDigests:
    """SHA-256 digests of the artifacts of one compile, in hexadecimal.

    Attributes:
        images: by context, as `containers/rest-api`: digest of the context's files and build arguments; by path for
            a tarball.
        layers: by layer name: digest of the requirements and sources, or of the prebuilt zip file.
        functions: by function name: digest of the files that the function imports.
        website: digest of the web application's files; empty where the configuration deploys none.
        trust: digests of the trust bundle; None where the configuration adds no authority.
        database_trust: digest of the certificate authorities of databases; None where there are none.
        gateway: digests of the gateway's configuration; None for stacks that do not publish it.
    """

    images: Mapping[str, str]
    layers: Mapping[str, str]
    functions: Mapping[str, str]
    website: str
    trust: TrustDigests | None = None
    database_trust: str | None = None
    gateway: GatewayConfiguration | None = None
