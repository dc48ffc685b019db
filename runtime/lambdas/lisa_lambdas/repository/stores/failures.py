"""What OpenSearch's failures mean to callers; the reasons are in the function's log."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import Any, Iterator, Mapping, Optional

from opensearchpy.exceptions import OpenSearchException, TransportError

from lisa_lambdas.errors import UnavailableError

_log = logging.getLogger(__name__)

_BLOCKED = "cluster_block_exception"


@contextmanager
def answering() -> Iterator[None]:
    """Turn failures of requests in here into UnavailableError."""
    try:
        yield
    except OpenSearchException as error:
        # The reason would quote documents; the kind does not.
        status, kind = (error.status_code, error.error) if isinstance(error, TransportError) else ("N/A", "")
        _log.warning("OpenSearch: %s, status %s: %s", type(error).__name__, status, kind)
        raise UnavailableError(_message(status, str(kind))) from error


def refusal_of_chunks(status: Optional[int], kind: str) -> UnavailableError:
    """The error for chunks that a bulk request did not store, by one of them."""
    _log.warning("OpenSearch did not store all chunks: status %s: %s", status, kind)
    return UnavailableError(f"OpenSearch did not store all chunks. {_message(status, kind)}")


def of_all_shards(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer of a request that reads an index, if all of its shards took part.

    Raises:
        UnavailableError: some did not, so the answer is not complete. Those that are lost are not counted as failed.
    """
    shards = answer["_shards"]
    if shards["failed"] or shards["successful"] < shards["total"]:
        _log.warning("OpenSearch: %s of %s shards answered", shards["successful"], shards["total"])
        raise UnavailableError(_message(503, ""))
    return answer


def _message(status: object, kind: str) -> str:
    if kind == _BLOCKED and status != 503:
        return "The OpenSearch index is read-only. Ask an administrator to enlarge the domain's volumes."
    if status in (401, 403):
        return (
            "OpenSearch does not permit the function's requests. Ask an administrator to check the access policy and "
            "the role mapping of the domain."
        )
    if status in (400, 404, 405, 413):
        return f"OpenSearch rejects a request ({kind}). Ask an administrator to read the function's logs."
    return "OpenSearch does not respond; try again later."
