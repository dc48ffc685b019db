"""What AWS services answer when they cannot, as errors of this API."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from lisa_lambdas.errors import TooManyRequestsError, UnavailableError

_log = logging.getLogger(__name__)

_THROTTLES = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def error_code(error: ClientError) -> str:
    """The code of a service's error, as `ConditionalCheckFailedException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def answered_by(service: str) -> Iterator[None]:
    """Translate throttling and failures of AWS services into responses; the log has the details.

    Args:
        service: the service, as a person knows it.

    Raises:
        TooManyRequestsError: it throttles, after the client's own retries.
        UnavailableError: it answers with another error, or not at all.
    """
    try:
        yield
    except ClientError as error:
        _log.warning("%s: %s", service, error)
        if error_code(error) in _THROTTLES:
            raise TooManyRequestsError(f"{service} is throttling requests; try again in a moment.") from error
        raise UnavailableError(f"{service} returned an error; try again later.") from error
    except BotoCoreError as error:
        _log.warning("%s: %s", service, error)
        raise UnavailableError(f"{service} does not respond; try again later.") from error
