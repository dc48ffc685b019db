"""Prepares the database of a repository, as a custom resource of CloudFormation: schema, user and privileges.

Property: Connection, the database as JSON. Create and Update prepare it, as often as they are called; Delete does
nothing, because the database may be kept. An event without `RequestType` prepares it likewise, and raises instead of
answering CloudFormation.
"""

from __future__ import annotations

import json
import logging
import time
import urllib.request
from functools import lru_cache
from itertools import count
from typing import Any, Dict, Mapping

import boto3  # type: ignore[import-untyped]
import psycopg
from aws_lambda_powertools.utilities.typing import LambdaContext

from lisa_lambdas.database.preparation import AdministratedDatabase, PreparationError, prepare
from lisa_lambdas.environment import Environment, read_environment
from lisa_lambdas.errors import ApiError, UnavailableError

_log = logging.getLogger(__name__)
_RESERVE_MILLISECONDS = 20_000
"""Time that is left for the answer when the database stays locked."""
_RETRY_SECONDS = 5.0
_ATTEMPTS = 6
"""How often the database is tried while it cannot be reached."""
_REASON_LENGTH = 1000


class DatabaseEnvironment(Environment):
    """The function's variables.

    Attributes:
        database_ca_file: certificates of the authorities of databases, which the compiler wrote.
        aws_ca_bundle: certificates of all authorities that the deployment trusts; empty for those of the system.
        database_encrypted: whether connections to databases must be; only tests and local development go without.
    """

    database_ca_file: str = ""
    aws_ca_bundle: str = ""
    database_encrypted: bool = True


def handler(event: Dict[str, Any], context: LambdaContext) -> Dict[str, Any]:
    """Prepare a database, and answer CloudFormation where it asked."""
    properties = event.get("ResourceProperties", {})
    if "RequestType" not in event:
        return _prepare(properties, context)
    status, reason, found = "SUCCESS", "", {}
    try:
        if event["RequestType"] != "Delete":
            found = _prepare(properties, context)
    # Without an answer, CloudFormation waits until its timeout.
    except Exception as error:
        _log.exception("the database cannot be prepared")
        status, reason = "FAILED", f"Cannot prepare the database: {_explain(error)}"[:_REASON_LENGTH]
    _answer(event, Status=status, Reason=reason, PhysicalResourceId=event["LogicalResourceId"], Data=found)
    return found


def _prepare(properties: Mapping[str, Any], context: LambdaContext) -> Dict[str, Any]:
    database = AdministratedDatabase.model_validate_json(properties["Connection"])
    environment, session = _resources()
    for attempt in count(1):
        try:
            prepare(database, session=session, environment=environment)
            break
        # A document is being ingested: an earlier version keeps its transaction open meanwhile.
        except psycopg.errors.LockNotAvailable:
            if context.get_remaining_time_in_millis() < _RESERVE_MILLISECONDS + _RETRY_SECONDS * 1000:
                raise
        # A permission of a new role, or the address of a new database, may take a moment.
        except UnavailableError:
            if attempt == _ATTEMPTS:
                raise
        _log.info("the database is not ready; waiting")
        time.sleep(_RETRY_SECONDS)
    _log.info("the user %s of database %s on %s is prepared", database.user, database.name, database.host)
    return {"User": database.user}


def _explain(error: Exception) -> str:
    """The reason in the events of the stack: no password is in any of these texts."""
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return "a table is locked by an ingestion. Deploy again when it has ended."
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return f"{error}. The user of rdsConfig.username must be an administrator of the database."
    if isinstance(error, ApiError):
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        return f"{error}{cause} The log of the function has details."
    if isinstance(error, (PreparationError, psycopg.Error)):
        return str(error)
    return f"{type(error).__name__}. See the log of the function."


def _answer(event: Mapping[str, Any], **found: Any) -> None:
    """Put the answer where CloudFormation waits; the signed address takes no content type."""
    found.update({name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")})
    body, headers = json.dumps(found).encode(), {"Content-Type": ""}
    request = urllib.request.Request(event["ResponseURL"], body, headers, method="PUT")  # noqa: S310  # CloudFormation's
    urllib.request.urlopen(request, timeout=30)  # noqa: S310  # likewise


@lru_cache(maxsize=None)
def _resources() -> Any:
    return read_environment(DatabaseEnvironment), boto3.Session()
