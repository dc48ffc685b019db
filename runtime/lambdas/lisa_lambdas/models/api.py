"""The endpoints of model management, for administrators."""

from __future__ import annotations

import logging
from typing import Any, Dict, Optional

from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from typing_extensions import Annotated

from lisa_lambdas.caller import Caller, caller_of
from lisa_lambdas.errors import ApiError, BadRequestError, NotFoundError
from lisa_lambdas.models.page import documentation_page
from lisa_lambdas.models.schemas import (
    Accepted,
    ErrorBody,
    ModelBody,
    ModelConfiguration,
    ModelList,
    ProposalBody,
    ProposalList,
)
from lisa_lambdas.models.service import ModelService
from lisa_lambdas.models.state import ModelState
from lisa_lambdas.proxy import error_body

_log = logging.getLogger(__name__)

_PROPOSAL_ID = r"^\d{8}T\d{6}-[0-9a-f]{8}$"


def administrator(request: Request) -> Caller:
    """The caller, who must be an administrator; the authorizer has said so already, and need not be believed alone."""
    caller = caller_of(request.scope.get("aws.event") or {})
    caller.must_be_admin()
    return caller


Administrator = Annotated[Caller, Depends(administrator)]
ModelId = Annotated[str, Path(description="Model ID, as clients use it; can contain slashes.", max_length=256)]
ProposalId = Annotated[str, Path(description="Id of a proposal.", pattern=_PROPOSAL_ID)]
Cursor = Annotated[Optional[str], Query(description="nextCursor of the previous page.", pattern=_PROPOSAL_ID)]
Limit = Annotated[int, Query(description="Maximum number of entries per page.", ge=1, le=100)]

_ERRORS: Dict[Any, Dict[str, Any]] = {
    status: {"model": ErrorBody, "description": text}
    for status, text in {
        400: "The request is invalid.",
        403: "The caller is not an administrator.",
        404: "Not found.",
        409: "The current state does not permit this operation.",
    }.items()
}


def create_app(service: ModelService) -> FastAPI:
    """The endpoints of one environment's models."""
    app = FastAPI(
        title="LISA models",
        version="1",
        description="Hosted models with their current state; configuration changes are proposals.",
        docs_url=None,
        redoc_url=None,
        servers=[{"url": "."}],
        responses=_ERRORS,
    )
    _add_models(app, service)
    _add_proposals(app, service)

    @app.get("/docs", include_in_schema=False, response_class=HTMLResponse)
    def documentation() -> HTMLResponse:
        return HTMLResponse(documentation_page(app.openapi()))

    app.add_exception_handler(ApiError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_invalid)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Exception, _fail)
    return app


def _add_models(app: FastAPI, service: ModelService) -> None:
    @app.get("/models", summary="List the hosted models", response_model=ModelList)
    def list_models(caller: Administrator) -> Dict[str, Any]:  # noqa: ARG001
        models, unreadable = service.all()
        return {"models": [live.as_json() for live in models], "unreadable": unreadable}

    @app.post("/models", summary="Propose a new hosted model", status_code=202, response_model=ProposalBody)
    def create_model(caller: Administrator, body: ModelConfiguration) -> Dict[str, Any]:
        return service.propose_create(body.model_dump(), caller).as_json()

    # Before the endpoints of one model, whose ids may have slashes.
    @app.post(
        "/models/{model_id:path}/start", summary="Start a stopped model", status_code=202, response_model=Accepted
    )
    def start_model(caller: Administrator, model_id: ModelId) -> Dict[str, Any]:
        service.start(model_id)
        _log.info("%s started %s", caller.username, model_id)
        return {"modelId": model_id, "state": ModelState.CREATING.value}

    @app.post("/models/{model_id:path}/stop", summary="Stop a running model", status_code=202, response_model=Accepted)
    def stop_model(caller: Administrator, model_id: ModelId) -> Dict[str, Any]:
        service.stop(model_id)
        _log.info("%s stopped %s", caller.username, model_id)
        return {"modelId": model_id, "state": ModelState.STOPPING.value}

    @app.get("/models/{model_id:path}", summary="Describe a hosted model", response_model=ModelBody)
    def describe_model(caller: Administrator, model_id: ModelId) -> Dict[str, Any]:  # noqa: ARG001
        return service.find(model_id).as_json()

    @app.put(
        "/models/{model_id:path}", summary="Propose a change of a model", status_code=202, response_model=ProposalBody
    )
    def update_model(caller: Administrator, model_id: ModelId, body: ModelConfiguration) -> Dict[str, Any]:
        return service.propose_update(model_id, body.model_dump(), caller).as_json()

    @app.delete(
        "/models/{model_id:path}",
        summary="Propose the removal of a model",
        status_code=202,
        response_model=ProposalBody,
    )
    def delete_model(caller: Administrator, model_id: ModelId) -> Dict[str, Any]:
        return service.propose_delete(model_id, caller).as_json()


def _add_proposals(app: FastAPI, service: ModelService) -> None:
    proposals = service.proposals

    @app.get("/proposals", summary="List proposals, newest first", response_model=ProposalList)
    def list_proposals(caller: Administrator, limit: Limit = 50, cursor: Cursor = None) -> Dict[str, Any]:  # noqa: ARG001
        found, following = proposals.page(limit=limit, after=cursor)
        return {"proposals": [proposal.as_json() for proposal in found], "nextCursor": following}

    @app.get("/proposals/{proposal_id}", summary="Show a proposal", response_model=ProposalBody)
    def show_proposal(caller: Administrator, proposal_id: ProposalId) -> Dict[str, Any]:  # noqa: ARG001
        found = proposals.find(proposal_id)
        if found is None:
            raise NotFoundError("The proposal does not exist.")
        return found.as_json()

    @app.delete("/proposals/{proposal_id}", summary="Withdraw a pending proposal", status_code=204, response_model=None)
    def withdraw_proposal(caller: Administrator, proposal_id: ProposalId) -> None:
        if not proposals.withdraw(proposal_id):
            raise NotFoundError("The proposal does not exist or is not pending.")
        _log.info("%s withdrew %s", caller.username, proposal_id)


def _response(error: ApiError) -> JSONResponse:
    return JSONResponse(error_body(error), status_code=error.status)


def _refuse(_: Request, error: Exception) -> JSONResponse:
    found = error if isinstance(error, ApiError) else ApiError("Internal server error.")
    _log.info("refused with %d %s: %s", found.status, found.code, found.message)
    return _response(found)


def _refuse_invalid(_: Request, error: Exception) -> JSONResponse:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    sentences = [f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in problems[:5]]
    return _response(BadRequestError(f"{'; '.join(sentences)}."))


def _no_route(_: Request, error: Exception) -> JSONResponse:
    """What FastAPI itself refuses: paths and methods that are none, and bodies that cannot be read."""
    if isinstance(error, HTTPException) and error.status_code not in (404, 405):
        return _response(BadRequestError("The body is not JSON."))
    return _response(NotFoundError("The endpoint does not exist."))


def _fail(_: Request, error: Exception) -> JSONResponse:
    _log.error("failed", exc_info=error)
    return _response(ApiError("Internal server error. See the function's logs."))
