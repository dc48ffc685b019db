"""The command dev: what it says when it cannot start, and how it ends. `make test-e2e` runs it whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lisa_compiler.cli import dev
from lisa_compiler.dev.packages import MissingPackageError
from lisa_compiler.dev.processes import ProcessError
from lisa_compiler.dev.system import LocalEnvironment

from .conftest import Lisa

SYSTEM = LocalEnvironment(
    environment="dev",
    web="http://web/dev/",
    gateway="http://gateway",
    api="http://api",
    token="t",
    users=("user", "admin"),
)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Lets nothing be compiled or started; what `running` was asked for."""
    asked: dict[str, Any] = {}

    @contextmanager
    def running(_compiled: object, _processes: object, **given: Any) -> Iterator[LocalEnvironment]:
        asked.update(given)
        if "error" in asked:
            raise asked["error"]
        yield SYSTEM

    monkeypatch.setattr(dev, "compile_for_local_run", lambda *_: None)
    monkeypatch.setattr(dev, "run_environment", running)
    return asked


@pytest.mark.parametrize("code", [0, 7])
def test_a_command_is_told_the_addresses_and_its_code_is_kept(
    lisa: Lisa, started: dict[str, Any], tmp_path: Path, code: int
) -> None:
    names = "$LISA_WEB_URL $LISA_GATEWAY_URL $LISA_API_URL $LISA_API_TOKEN $LISA_USER $LISA_ADMIN"
    result = lisa("dev", "--", "sh", "-c", f'echo "{names}" > {tmp_path}/told; exit {code}')
    assert result.code == code
    assert (tmp_path / "told").read_text() == "http://web/dev/ http://gateway http://api t user admin\n"


def test_it_says_where_everything_is(lisa: Lisa, started: dict[str, Any]) -> None:
    said = lisa("dev", "--", "true").err
    assert "http://web/dev/" in said
    assert "user, and admin, who can manage models" in said


@pytest.mark.parametrize("error", [ProcessError("litellm ended with 1."), MissingPackageError("The gateway needs …")])
def test_what_cannot_start_is_said(lisa: Lisa, started: dict[str, Any], error: Exception) -> None:
    started["error"] = error
    result = lisa("dev")
    assert (result.code, result.err) == (1, f"error: {error}\n")


def test_ctrl_c_is_the_usual_end(lisa: Lisa, started: dict[str, Any]) -> None:
    started["error"] = KeyboardInterrupt()
    result = lisa("dev")
    assert (result.code, result.err) == (0, "stopped\n")


def test_another_endpoint_takes_the_place_of_text_models(
    lisa: Lisa, started: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISA_MODEL_KEY", "secret")
    lisa("dev", "--model", "http://there/v1", "--model-name", "llama3.2", "--", "true")
    endpoint = started["text_model"]
    assert (endpoint.url, endpoint.model, endpoint.key) == ("http://there/v1", "llama3.2", "secret")


def test_mistakes_in_the_configuration_are_reported(lisa: Lisa, project: Path) -> None:
    config = project / "config.yaml"
    config.write_text(config.read_text().replace("m5.large", "m5.huge"))
    result = lisa("dev")
    assert result.code == 1
    assert "LISA320" in result.err


def test_logs_go_to_a_file_for_each_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = dev._Log(tmp_path / "logs")
    log("gateway", "a line")
    log("gateway", "another")
    log.phase("deploying")
    assert (tmp_path / "logs" / "gateway.log").read_text() == "a line\nanother\n"
    assert capsys.readouterr().out == "lisa            | deploying\n"
