"""What the metadata of a package declare: PEP 639, else the older fields and classifiers, as an SPDX expression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

UNKNOWN = ""
_ALIASES = {
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "LicenseRef-BSD",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd license": "LicenseRef-BSD",
    "gpl-3.0": "GPL-3.0-only",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mit no attribution license (mit-0)": "MIT-0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "nvidia proprietary software": "LicenseRef-NVIDIA-Proprietary",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
    "zope public license": "ZPL-2.1",
}
"""What the metadata of packages call a license, in lower case. LicenseRef-BSD: they do not say which of BSD's it is."""


def declared_license(metadata: Mapping[str, Any]) -> str:
    """SPDX expression of what a package's metadata declare; empty when they declare nothing that can be read.

    Args:
        metadata: as pip reports it: `license_expression`, `license`, `classifier`.
    """
    if expression := metadata.get("license_expression"):
        return canonical(expression)
    if found := canonical(metadata.get("license") or ""):
        return found
    prefix = "License :: "
    named = [
        canonical(classifier.rpartition(" :: ")[2])
        for classifier in metadata.get("classifier") or ()
        if classifier.startswith(prefix) and classifier != f"{prefix}OSI Approved"
    ]
    # Nothing says whether it is a choice, so that all must be allowed.
    return " AND ".join(sorted(set(named))) if named and all(named) else UNKNOWN


def canonical(text: str) -> str:
    """The SPDX expression of what a package calls its license; empty when it cannot be read."""
    # Some packages have the text of their license there, which begins with its name.
    text = " ".join(text.strip().partition("\n")[0].split())
    if known := _ALIASES.get(text.lower()):
        return known
    try:
        return canonicalize_license_expression(text) if text else UNKNOWN
    except InvalidLicenseExpression:
        return UNKNOWN
