"""The handler that Lambda calls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Dict

import boto3  # type: ignore[import-untyped]
from mangum import Mangum

from lisa_lambdas.environment import read_environment
from lisa_lambdas.errors import BadRequestError
from lisa_lambdas.models.api import create_app
from lisa_lambdas.models.hosting import Hosting
from lisa_lambdas.models.proposal_store import ProposalStore
from lisa_lambdas.models.registry import Registry
from lisa_lambdas.models.service import ModelService
from lisa_lambdas.models.settings import ModelsEnvironment
from lisa_lambdas.parameters import Parameters
from lisa_lambdas.proxy import error_answer, is_proxy_event, limit_answer, with_common_headers


@dataclass(frozen=True)
class _Application:
    """The endpoints in API Gateway's terms, and the origin that browsers may call them from."""

    mangum: Mangum
    web_origin: str


def handler(event: Dict[str, Any], context: Any) -> Dict[str, Any]:
    """Answer a request of API Gateway."""
    application = _application()
    if is_proxy_event(event) and event.get("requestContext") is not None:
        answer: Dict[str, Any] = application.mangum({"resource": event["path"], **event}, context)
    else:
        answer = error_answer(BadRequestError("The event is not an API Gateway request."))
    return with_common_headers(limit_answer(answer), application.web_origin)


@lru_cache(maxsize=None)
def _application() -> _Application:
    """The endpoints, with connections that are kept for as long as the process lives."""
    settings = read_environment(ModelsEnvironment)
    parameters = Parameters(boto3.client("ssm"))
    service = ModelService(
        registry=Registry(parameters, settings.models_ps_path),
        hosting=Hosting(boto3.client("autoscaling"), boto3.client("ecs")),
        proposals=ProposalStore(
            boto3.client("dynamodb"), table=settings.proposals_table_name, environment=settings.environment
        ),
        parameters=parameters,
        configuration_name=settings.configuration_ps_name,
        environment=settings.environment,
    )
    return _Application(Mangum(create_app(service), lifespan="off"), settings.web_origin)
