"""The table of LiteLLM's operations: complete, and matched the way LiteLLM matches."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import requests

from gateway.conftest import TOKEN
from gateway.processes import LITELLM_PYTHON, ROOT, Gateway
from gateway.stub_model import StubModel
from gateway.test_pass_through import send
from lisa_gateway.direct.body import litellm_parameters
from lisa_gateway.errors import ForbiddenError, GatewayError, MethodNotAllowedError, NotFoundError
from lisa_gateway.operations import CLOSED_BECAUSE, FAMILIES, Access, operations

SCRIPT = ROOT / "tools" / "refresh_operations.py"


def admit(method: str, path: str, *, is_admin: bool = False) -> str:
    return operations().admit(method, path.encode(), b"", is_admin=is_admin).path.decode()


@pytest.mark.xdist_group("litellm")
def test_every_operation_of_the_pinned_litellm_is_classified(tmp_path: Path) -> None:
    if not LITELLM_PYTHON.exists():
        pytest.skip("LiteLLM is not installed: `make gateway-parts`")
    environment = {"HOME": str(tmp_path), "PATH": ""}
    command = [LITELLM_PYTHON, SCRIPT, "--list"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=600)
    listed = json.loads(said.stdout.splitlines()[-1])
    installed = {(method, path) for method, path in listed["operations"]}
    known = {(operation.method, operation.path): operation for operation in operations()}
    assert len(installed) > 1000
    assert sorted(installed - known.keys()) == [], "classify them: tools/refresh_operations.py adds them"
    usable = {key for key, operation in known.items() if operation.access is not Access.CLOSED}
    assert sorted(usable - installed) == []
    # The direct path refuses the parameters that LiteLLM's side refuses.
    assert sorted(litellm_parameters()) == listed["parameters"], "run tools/refresh_operations.py"


def test_every_operation_has_a_reason() -> None:
    groups = {access: {each.group for each in operations() if each.access is access} for access in Access}
    assert groups[Access.CLOSED] == CLOSED_BECAUSE.keys()
    assert groups[Access.INFERENCE] <= FAMILIES
    assert groups[Access.ADMINISTRATION] == {"read", "act"}


@pytest.mark.parametrize(
    ("method", "path", "forwarded"),
    [
        ("POST", "/chat/completions", "/chat/completions"),
        ("POST", "/v1/chat/completions", "/v1/chat/completions"),
        ("POST", "/engines/org/writer/completions", "/engines/org/writer/completions"),
        ("POST", "/openai/deployments/writer/embeddings", "/openai/deployments/writer/embeddings"),
        ("POST", "/messages", "/v1/messages"),
        ("POST", "/messages/count_tokens", "/v1/messages/count_tokens"),
        ("GET", "/models/writer", "/models/writer"),
        ("POST", "/%63hat%2Fcompletions", "/chat/completions"),
    ],
)
def test_inference_is_open_to_every_caller(method: str, path: str, forwarded: str) -> None:
    assert admit(method, path) == forwarded


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/mcp-rest/test/connection"),
        ("POST", "/search_tools/test_connection"),
        ("POST", "/coordination_redis/settings/test"),
        ("PATCH", "/model/some-id/update"),
        ("POST", "/model/new"),
        ("POST", "/config/update"),
        ("POST", "/key/generate"),
        ("POST", "/credentials"),
        ("POST", "/health/test_connection"),
        ("POST", "/guardrails/test_custom_code"),
        ("POST", "/utils/transform_request"),
        ("POST", "/bedrock/model/titan/converse"),
        ("POST", "/vertex_ai/v1/projects/p"),
        ("POST", "/anthropic/v1/messages"),
        ("GET", "/openai/v1/files"),
        ("GET", "/gemini/v1/models"),
        ("POST", "/mcp/anything/at/all"),
        ("GET", "/ui/login"),
        ("POST", "/some-server/mcp"),
        ("POST", "/v1/files"),
        ("GET", "/responses/resp_1"),
        ("POST", "/vector_stores"),
    ],
)
def test_closed_operations_are_closed_to_administrators_too(method: str, path: str) -> None:
    for is_admin in (False, True):
        with pytest.raises(ForbiddenError, match="This operation is closed"):
            admit(method, path, is_admin=is_admin)


@pytest.mark.parametrize("path", ["/model/info", "/router/settings", "/settings", "/health", "/metrics"])
def test_administration_is_for_administrators(path: str) -> None:
    assert admit("GET", path, is_admin=True).rstrip("/") == path
    with pytest.raises(ForbiddenError, match="administrator access"):
        admit("GET", path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "chat/completions",
        "//chat/completions",
        "/chat//completions",
        "/chat/completions/",
        "/chat/completions%00",
        "/chat/completions%0d%0aX: y",
        "/chat/completions;a=b",
        "/chat/completions%3b",
        "/chat/completions%3Fkey=x",
        "/chat/completions%23",
        "/chat%5ccompletions",
        "/Chat/Completions",
        "/CHAT/COMPLETIONS",
        "/%2563hat/completions",
        "/chat%252fcompletions",
        "/x/../chat/completions",
        "/x/%2e%2e/chat/completions",
        "/./chat/completions",
        "/chat/%2e/completions",
        "/v1/v1/chat/completions",
        "/v2/serve/chat/completions",
        "/engines/../key/completions",
        "/engines/%2e%2e/completions",
        "/engines/a%2f..%2f..%2fkey/completions",
        "/openai/deployments/x/../../../key/generate",
        "/chat/completions%ff",
        "/chat/completions/..;/x",
        "/no/such/path",
    ],
)
def test_other_spellings_of_a_path_are_refused(path: str) -> None:
    with pytest.raises(GatewayError) as refused:
        admit("POST", path, is_admin=True)
    assert isinstance(refused.value, NotFoundError | ForbiddenError)


def test_a_wrong_method_is_told() -> None:
    with pytest.raises(MethodNotAllowedError) as refused:
        admit("GET", "/chat/completions")
    assert refused.value.headers == {"Allow": "POST"}


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v2/serve/mcp-rest/test/connection", 403),
        ("/v2/serve/%6dcp-rest/test/connection", 403),
        ("/v2/serve/model/info", 405),
        ("/v2/serve//key/generate", 404),
        ("/v2/serve/a/../key/generate", 404),
        ("/v2/serve/%2e%2e/key/generate", 404),
        ("/v2/%73erve/chat/completions", 404),
        ("//v2/serve/chat/completions", 404),
        ("http://127.0.0.1/v2/serve/key/generate", 403),
    ],
)
def test_refusals_never_reach_litellm(served: Gateway, stub: StubModel, target: str, status: int) -> None:
    assert send(served, "POST", target).startswith(f"HTTP/1.1 {status}".encode()), target
    assert not stub.seen


def test_refusals_are_errors_of_openai(served: Gateway) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.get(f"{served.url}/v2/serve/router/settings", headers=headers, timeout=10)
    assert answer.json()["error"] == {
        "message": "This operation requires administrator access.",
        "type": "permission_error",
        "param": None,
        "code": "forbidden",
        "request_id": answer.headers["X-Request-ID"],
    }
