"""Cases of the rules of Regions and of what they have."""

from __future__ import annotations

from .changes import PGVECTOR, Failing, Passing

PASSING: Passing = {
    "region-known": [[], ["region=us-gov-west-1"]],
    "iso-needs-index": [[], ["region=us-iso-east-1", "pypiConfig.indexUrl=https://pypi.example.com/simple"]],
    "service-offered": [[f"ragRepositories=[{PGVECTOR}]", "deployRag=true"]],
}

FAILING: Failing = {
    "region-known": [(["region=us-middle-1"], "region")],
    "iso-needs-index": [(["region=us-iso-east-1"], "pypiConfig.indexUrl")],
}
