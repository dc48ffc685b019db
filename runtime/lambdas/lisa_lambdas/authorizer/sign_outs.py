"""Sign-outs, as the sign-outs function recorded them: looked up for each request, since API Gateway keeps no answer."""

from __future__ import annotations

from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lisa_oidc import Caller, check_signed_in, keys_of

_ATTEMPTS = 3


class SignOutTableError(Exception):
    """The table of sign-outs does not answer; API Gateway answers 500, since whether the session ended is unknown."""


class SignOuts:
    """The table of sign-outs.

    Args:
        client: a boto3 client of DynamoDB.
        table: name of the table.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def check(self, caller: Caller) -> None:
        """Check that the session of a caller has not ended.

        Raises:
            TokenError: it has, or the token is older than sign-outs are kept.
            SignOutTableError: the table does not answer.
        """
        keys = [{"session": {"S": key}} for key in keys_of(caller)]
        try:
            answer = self._client.batch_get_item(
                RequestItems={self._table: {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "endedAt"}}
            )
        except (BotoCoreError, ClientError) as error:
            raise SignOutTableError(f"The table of sign-outs does not respond: {type(error).__name__}.") from error
        if answer.get("UnprocessedKeys"):
            raise SignOutTableError("The table of sign-outs throttles requests.")
        check_signed_in(caller, [float(item["endedAt"]["N"]) for item in answer["Responses"][self._table]])


def open_sign_outs(table: str) -> SignOuts:
    """The table of a name, with a client that gives up before API Gateway does."""
    config = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": _ATTEMPTS})
    return SignOuts(boto3.client("dynamodb", config=config), table)
