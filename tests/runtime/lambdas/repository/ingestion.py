"""Documents that the repository API ingests."""

from __future__ import annotations

from typing import Any

from runtime.lambdas.proxy_events import content
from runtime.lambdas.repository.deployment import Deployment

TEXT = "The anchor holds.\n\nA bridge crosses the river. A bridge carries trains.\n\nThe candle burns." * 2
ANNS = "subject-ann/a.txt"


def ingested(deployment: Deployment, *keys: str, **others: Any) -> dict[str, Any]:
    answer = deployment.ingest(*keys, **others)
    assert answer["statusCode"] == 200, answer["body"]
    found: dict[str, Any] = content(answer)
    return found
