"""What LiteLLM asks before it serves a request, decided in LiteLLM's own interpreter, one process for all cases."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.processes import LITELLM_PYTHON, ROOT

KEY, ADMIN_KEY = "sk-key", "sk-admin"
CHAT = "/chat/completions"
ENGINE = "/engines/{model:path}/chat/completions"
WRITER = '{"model": "writer"}'
USER, ADMIN = "internal_user", "proxy_admin"
INFERENCE, ADMINISTRATION = "lisa-inference", "lisa-administration"


def body(**members: Any) -> str:
    return json.dumps({"model": "writer", **members})


def case(template: str | None = CHAT, sent: str = WRITER, key: str | None = KEY, **others: Any) -> dict[str, Any]:
    return {"template": template, "body": sent, "key": key, **others}


def get(template: str | None, key: str | None = KEY, **others: Any) -> dict[str, Any]:
    return case(template, "", key, method="GET", **others)


ACCEPTED = [
    # Either key, with or without its scheme.
    (case(), INFERENCE, USER),
    (case(key=f"Bearer {KEY}"), INFERENCE, USER),
    (case(key=ADMIN_KEY), ADMINISTRATION, ADMIN),
    (case(key=f"Bearer {ADMIN_KEY}"), ADMINISTRATION, ADMIN),
    (case(environment={"LITELLM_ADMIN_KEY": ""}), INFERENCE, USER),
    (case(key=ADMIN_KEY, environment={"LITELLM_KEY": ""}), ADMINISTRATION, ADMIN),
    # Operations: LiteLLM treats the path of one model as administration.
    (get("/models"), INFERENCE, USER),
    (get("/models/{model_id}"), INFERENCE, ADMIN),
    (get("/v1/models/{model_id}"), INFERENCE, ADMIN),
    (get("/model/info", ADMIN_KEY), ADMINISTRATION, ADMIN),
    (get(None, ADMIN_KEY, path="/metrics"), ADMINISTRATION, ADMIN),
    (get(None, ADMIN_KEY, path="/metrics/"), ADMINISTRATION, ADMIN),
    # Administrators may set fields that callers may not.
    (case("/cache/delete", '{"api_base": "x"}', ADMIN_KEY), ADMINISTRATION, ADMIN),
    # Models by the body, by the path, by both.
    (case(ENGINE, "{}", path_params={"model": "writer"}), INFERENCE, USER),
    (case(ENGINE, "", path_params={"model": "writer"}), INFERENCE, USER),
    (case(ENGINE, WRITER, path_params={"model": "writer"}), INFERENCE, USER),
    (case(sent="model=writer", content_type="application/x-www-form-urlencoded"), INFERENCE, USER),
    (case(sent=body(temperature=1, messages=[])), INFERENCE, USER),
    # Which operations a model serves is known of chat and embedding models.
    (case("/embeddings", '{"model": "embedder"}'), INFERENCE, USER),
    (case("/embeddings", '{"model": "external"}'), INFERENCE, USER),
    (case(sent='{"model": "external"}'), INFERENCE, USER),
    # Conversations of models that store their answers, and none.
    (case("/responses", body(previous_response_id="r", conversation="c")), INFERENCE, USER),
    (case("/responses", '{"model": "pair", "previous_response_id": null}'), INFERENCE, USER),
]

REJECTED = [
    (case(key=None), 401, "Unknown key."),
    (case(key=""), 401, "Unknown key."),
    (case(key="Bearer "), 401, "Unknown key."),
    (case(key="sk-master"), 401, "Unknown key."),
    (case(key=f"Basic {KEY}"), 401, "Unknown key."),
    (case(key="", environment={"LITELLM_KEY": "", "LITELLM_ADMIN_KEY": ""}), 401, "Unknown key."),
    (case(key=None, environment={"LITELLM_KEY": "", "LITELLM_ADMIN_KEY": ""}), 401, "Unknown key."),
    (get("/model/info"), 403, "The gateway's key has no access to this operation."),
    (get(None, path="/metrics"), 403, "The gateway's key has no access to this operation."),
    (case("/cache/delete"), 403, "The gateway's key has no access to this operation."),
    (get("/"), 403, "This operation is closed: it belongs to LiteLLM's web interface and sign-in."),
    (get("/", ADMIN_KEY), 403, "This operation is closed: it belongs to LiteLLM's web interface and sign-in."),
    (get("/not-in-the-table", ADMIN_KEY), 403, "The operation is not in operations.csv."),
    (get(CHAT, ADMIN_KEY), 403, "The operation is not in operations.csv."),
    (get(None, ADMIN_KEY, path="/elsewhere"), 403, "The operation is not in operations.csv."),
    (get(None, ADMIN_KEY, path="/"), 403, "The operation is not in operations.csv."),
    (case(sent=""), 400, "Set 'model' to a model listed by /models."),
    (case(sent="  "), 400, "Invalid JSON payload"),
    (case(sent=" {} "), 400, "Set 'model' to a model listed by /models."),
    (case(sent='{"model": null}'), 400, "Set 'model' to a model listed by /models."),
    (case(sent="", key=ADMIN_KEY), 400, "Set 'model' to a model listed by /models."),
    (case(sent="[]"), 400, "Send the body as a JSON object in UTF-8, or as a form."),
    (case(sent='["model"]'), 400, "Send the body as a JSON object in UTF-8, or as a form."),
    (case(sent='"writer"'), 400, "Send the body as a JSON object in UTF-8, or as a form."),
    (case(sent="\xff\xfe{\0}\0"), 400, "Send the body as a JSON object in UTF-8, or as a form."),
    (case(ENGINE, "\xff\xfe{\0}\0", path_params={"model": "writer"}), 400, "Send the body as a JSON object"),
    (case(sent=body(api_base="http://x")), 400, "Remove the field 'api_base'"),
    (case(sent=body(api_base="http://x"), key=ADMIN_KEY), 400, "Remove the field 'api_base'"),
    (case(sent=body(Cooldown_Time=1)), 400, "Remove the field 'Cooldown_Time'"),
    (case(sent=body(max_retries=1)), 400, "Remove the field 'max_retries'"),
    (case(sent='{"model": "absent"}'), 400, "Unknown model 'absent'. Use a model"),
    (case(sent='{"model": 7}'), 400, "Unknown model 7. Use a model"),
    (case(sent='{"model": ["writer"]}'), 400, "Unknown model ['writer']. Use a model"),
    (case(ENGINE, '{"model": "absent"}', path_params={"model": "writer"}), 400, "Unknown model 'absent'. Use a model"),
    (case(ENGINE, WRITER, path_params={"model": "absent"}), 400, "Unknown model 'absent'. Use a model"),
    (case(router=False), 400, "Unknown model 'writer'. Use a model"),
    (case("/embeddings"), 400, "The model 'writer' is a text generation model."),
    (case(sent='{"model": "embedder"}'), 400, "The model 'embedder' is an embedding model."),
    (case("/responses", '{"model": "pair", "previous_response_id": "r"}'), 400, "Remove 'previous_response_id'"),
    (case("/responses", '{"model": "pair", "conversation": "c"}'), 400, "Remove 'conversation'"),
]


@pytest.fixture(scope="module")
def decisions(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """What is decided of each case, those accepted first."""
    if not LITELLM_PYTHON.exists():
        pytest.skip("LiteLLM is not installed: `make gateway-parts`")
    cases = [one for one, *_ in (*ACCEPTED, *REJECTED)]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PYTHONPATH": str(ROOT / "runtime" / "gateway"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_KEY": KEY,
        "LITELLM_ADMIN_KEY": ADMIN_KEY,
    }
    done = subprocess.run(
        [LITELLM_PYTHON, Path(__file__).with_name("authorize.py")],
        input=json.dumps(cases),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results: list[list[Any]] = json.loads(done.stdout.splitlines()[-1])
    return results


@pytest.mark.parametrize("number", range(len(ACCEPTED)))
def test_request_is_served_with_the_role_of_its_key(decisions: list[list[Any]], number: int) -> None:
    asked, user, role = ACCEPTED[number]
    assert decisions[number] == [user, role], asked


@pytest.mark.parametrize("number", range(len(REJECTED)))
def test_request_is_rejected_with_its_reason(decisions: list[list[Any]], number: int) -> None:
    asked, status, said = REJECTED[number]
    found, message = decisions[len(ACCEPTED) + number]
    assert (found, message[: len(said)]) == (status, said), asked
