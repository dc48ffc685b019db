"""Where sign-outs are recorded: the table that the gateway and the authorizer look callers' sessions up in.

An item is a time (`endedAt`, UNIX seconds) under a key of `lisa_oidc.LogoutToken`. DynamoDB deletes items some time
after `deleteAfter`, when all tokens that they end have expired.
"""

from __future__ import annotations

from typing import Any, Dict, List

from botocore.exceptions import ClientError

from lisa_lambdas.aws_errors import answered_by, error_code
from lisa_lambdas.errors import UnavailableError
from lisa_oidc import LONGEST_TOKEN_SECONDS, LogoutToken

_SERVICE = "The table of sign-outs"
_KEPT_SECONDS = LONGEST_TOKEN_SECONDS + 3600
_ATTEMPTS = 4
_CONDITION_FAILED = "ConditionalCheckFailed"


class SignOutStore:
    """Sign-outs in the table.

    Args:
        client: a boto3 client of DynamoDB.
        table: name of the table.
    """

    def __init__(self, client: Any, *, table: str) -> None:
        self._client = client
        self._table = table

    def record(self, token: LogoutToken) -> bool:
        """Record what a verified logout token ends, all of it or nothing; whether this token was not received before.

        A later sign-out that is recorded already stays.

        Raises:
            ApiError: DynamoDB does not answer, or other sign-outs of the session are being recorded.
        """
        pending = list(token.ended_keys)
        for _ in range(_ATTEMPTS):
            items = [self._receipt(token), *(self._end(key, token) for key in pending)]
            reasons = self._write(items)
            if not reasons:
                return True
            if reasons[0] == _CONDITION_FAILED:
                return False
            pending = [key for key, reason in zip(pending, reasons[1:]) if reason != _CONDITION_FAILED]
        raise UnavailableError("Other sign-outs of this session are being recorded. Send the request again.")

    def _write(self, items: List[Dict[str, Any]]) -> List[str]:
        """Write items together; when they are not written, the reason of each."""
        with answered_by(_SERVICE):
            try:
                self._client.transact_write_items(TransactItems=[{"Put": item} for item in items])
            except ClientError as error:
                if error_code(error) != "TransactionCanceledException":
                    raise
                return [str(reason.get("Code")) for reason in error.response["CancellationReasons"]]
        return []

    def _receipt(self, token: LogoutToken) -> Dict[str, Any]:
        """That a logout token was received."""
        return {
            **self._item(token.replay_key, token),
            "ConditionExpression": "attribute_not_exists(endedAt)",
        }

    def _end(self, key: str, token: LogoutToken) -> Dict[str, Any]:
        return {
            **self._item(key, token),
            "ConditionExpression": "attribute_not_exists(endedAt) OR endedAt < :at",
            "ExpressionAttributeValues": {":at": _number(token.issued)},
        }

    def _item(self, key: str, token: LogoutToken) -> Dict[str, Any]:
        times = {"endedAt": _number(token.issued), "deleteAfter": _number(int(token.issued) + _KEPT_SECONDS)}
        return {"TableName": self._table, "Item": {"session": {"S": key}, **times}}


def _number(value: float) -> Dict[str, str]:
    return {"N": f"{value:.3f}".rstrip("0").rstrip(".")}
