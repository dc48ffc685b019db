"""`lisa artifacts materialize`: what the cdk CLI runs for assets of product code."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import Project, manifest_of
from typer.testing import CliRunner, Result

from lisa_compiler.cli.app import app


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiled project, which is the working directory, as it is for the cdk CLI."""
    compiled = Project(tmp_path).write().compile()
    for name, content in {**compiled.files, "manifest.json": manifest_of(compiled)}.items():
        path = tmp_path / "generated/dev" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def materialize(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["artifacts", "materialize", *arguments], prog_name="lisa")


def commands(project: Path) -> list[list[str]]:
    """The command lines of executable assets."""
    found: list[list[str]] = []
    for path in sorted((project / "generated/dev/cloudformation").glob("*.assets.json")):
        manifest: dict[str, Any] = json.loads(path.read_bytes())
        assets = [*manifest["files"].values(), *manifest["dockerImages"].values()]
        found += [asset["source"]["executable"] for asset in assets if "executable" in asset["source"]]
    return found


def test_commands_of_the_assembly_print_one_file(project: Path) -> None:
    ran = 0
    for program, *arguments in commands(project):
        assert program == "lisa"
        if arguments[2].startswith(("layers/", "containers/")):
            continue
        result = CliRunner().invoke(app, arguments, prog_name="lisa")
        assert result.exit_code == 0, result.stderr
        (line,) = result.stdout.splitlines()
        assert Path(line).is_absolute()
        with zipfile.ZipFile(line) as archive:
            assert archive.testzip() is None
        ran += 1
    assert ran == 6


def test_context_is_complete(project: Path) -> None:
    result = materialize("containers/rest-api", "--env", "dev")
    folder = Path(result.stdout.strip())
    assert folder.parent == project / ".lisa/artifacts"
    for name in ("Dockerfile", "entrypoint.sh", "requirements.txt", "lisa_gateway/supervisor/__main__.py"):
        assert (folder / name).is_file()


def test_project_is_found_by_its_path(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    result = materialize("functions/session", "--env", "dev", "--project", str(project))
    assert Path(result.stdout.strip()).is_relative_to(project / ".lisa/artifacts")


def test_unknown_artifact_is_an_error_that_lists_the_known_ones(project: Path) -> None:
    result = materialize("functions/sesion", "--env", "dev")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Unknown artifact functions/sesion in dev. Use one of containers/rest-api, functions/" in result.stderr
    assert not (project / ".lisa").exists()


def test_other_sources_than_the_reviewed_ones_are_an_error(project: Path) -> None:
    path = project / "generated/dev/manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["artifacts"]["functions/session"]["sha256"] = "0" * 64
    manifest["lisaVersion"] = "2.9.0"
    path.write_text(json.dumps(manifest))
    result = materialize("functions/session", "--env", "dev")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "LISA 2.9.0 compiled it" in result.stderr
    assert "run `lisa compile --env dev`" in result.stderr


@pytest.mark.parametrize(
    "content", [None, "", "[]", '{"schemaVersion": 2, "lisaVersion": "1", "artifacts": {"x": {}}}']
)
def test_missing_or_broken_manifest_says_to_compile(project: Path, content: str | None) -> None:
    path = project / "generated/dev/manifest.json"
    path.unlink() if content is None else path.write_text(content)
    result = materialize("--env", "dev")
    assert result.exit_code == 1
    assert "run `lisa compile --env dev`" in result.stderr
