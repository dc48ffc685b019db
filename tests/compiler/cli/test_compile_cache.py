"""`lisa compile` when nothing changed, and each change that it notices."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Lisa, Pipeline
from .small_project import edit


def test_nothing_new_compiles_nothing(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    lisa("compile", "--all")
    pipeline.compiled.clear()
    result = lisa("compile", "--all")
    assert result.code == 0
    assert pipeline.compiled == []
    assert result.err.splitlines() == [
        "dev: generated/dev is up to date (2 stacks, 4 files)",
        "prod: generated/prod is up to date (2 stacks, 4 files)",
    ]


def test_warnings_are_shown_again_when_nothing_changed(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    (project / "environments").mkdir()
    (project / "environments/dev.yml").write_text("")
    first, second = lisa("compile", "--format", "json"), lisa("compile", "--format", "json")
    assert pipeline.compiled == ["dev"]
    assert json.loads(first.out) == json.loads(second.out)
    assert json.loads(second.out)[0]["rule"] == "overlay-unread"


def add_overlay(project: Path) -> None:
    (project / "environments").mkdir()
    (project / "environments/dev.yaml").write_text("logLevel: DEBUG\n")


CHANGES: dict[str, Callable[[Path], object]] = {
    "configuration": lambda project: edit(project, "us-east-1", "us-west-2"),
    "overlay": add_overlay,
    "prices": lambda project: (project / "prices.json").write_text('{"schemaVersion": 1, "regions": {}}'),
    "changed file": lambda project: (project / "generated/dev/SUMMARY.md").write_text("test in us-east-2\n"),
    "missing file": lambda project: (project / "generated/dev/SUMMARY.md").unlink(),
    "extra file": lambda project: (project / "generated/dev/extra").write_text(""),
    "mode": lambda project: (project / "generated/dev/SUMMARY.md").chmod(0o755),
    "manifest": lambda project: (project / "generated/dev/manifest.json").write_text("{}"),
    "no output": lambda project: shutil.rmtree(project / "generated/dev"),
    "no stamp": lambda project: shutil.rmtree(project / "generated/.lisa"),
    "broken stamp": lambda project: (project / "generated/.lisa/environment-dev.json").write_text("[]"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_compiles(lisa: Lisa, project: Path, pipeline: Pipeline, change: Callable[[Path], object]) -> None:
    lisa("compile")
    change(project)
    lisa("compile")
    assert pipeline.compiled == ["dev", "dev"]
    assert lisa("compile", "--check").code == 0


def test_other_options_compile(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    lisa("compile")
    lisa("compile", "--region", "us-west-2")
    lisa("compile", "--no-cache", "--region", "us-west-2")
    assert pipeline.compiled == ["dev", "dev", "dev"]


def test_the_users_own_context_counts(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    edit(project, "lib/serve/rest-api", "docker/api")
    (project / "docker/api").mkdir(parents=True)
    (project / "docker/api/Dockerfile").write_text("FROM scratch\n")
    _age(project)
    lisa("compile")
    lisa("compile")
    assert pipeline.compiled == ["dev"]
    (project / "docker/api/Dockerfile").write_text("FROM busybox\n")
    lisa("compile")
    assert pipeline.compiled == ["dev", "dev"]


def test_an_edit_of_the_configuration_during_the_compile_is_not_missed(
    lisa: Lisa, project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lisa_compiler.output import manifest

    build = manifest.build

    def build_and_edit(*arguments: object, **options: object) -> bytes:
        edit(project, "us-east-1", "us-west-2")
        return build(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(manifest, "build", build_and_edit)
    lisa("compile")
    monkeypatch.setattr(manifest, "build", build)
    lisa("compile")
    assert pipeline.compiled == ["dev", "dev"]
    assert (project / "generated/dev/SUMMARY.md").read_text() == "test in us-west-2\n"


def _age(folder: Path) -> None:
    """Wait until what is in a folder counts as older than the next compile."""
    time.sleep(0.1)
    assert all(path.lstat().st_ctime_ns < time.time_ns() - 50_000_000 for path in folder.rglob("*"))


CONTEXT_EDITS: dict[str, Callable[[Path], object]] = {
    "changed file": lambda context: (context / "Dockerfile").write_text("FROM busybox\n"),
    "new file": lambda context: (context / "src/new.txt").write_text(""),
    "removed file": lambda context: (context / "src/old.txt").unlink(),
    "older file in its place": lambda context: (context.parent / "older").replace(context / "Dockerfile"),
    "moved folder": lambda context: (context / "src").rename(context.parent / "src"),
    "removed context": shutil.rmtree,
}


@pytest.mark.parametrize("change", CONTEXT_EDITS.values(), ids=CONTEXT_EDITS)
def test_an_edit_of_a_context_during_the_compile_is_not_missed(
    lisa: Lisa,
    project: Path,
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], object],
) -> None:
    from lisa_compiler.output import manifest

    edit(project, "lib/serve/rest-api", "docker/api")
    context = project / "docker/api"
    (context / "src").mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM scratch\n")
    (context / "src/old.txt").write_text("")
    (context.parent / "older").write_text("FROM busybox:1.36\n")
    _age(project)
    build = manifest.build

    def build_and_edit(*arguments: object, **options: object) -> bytes:
        change(context)
        return build(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(manifest, "build", build_and_edit)
    lisa("compile")
    monkeypatch.setattr(manifest, "build", build)
    _age(project)
    lisa("compile")
    assert pipeline.compiled == ["dev", "dev"]
    lisa("compile")
    assert pipeline.compiled == ["dev", "dev"]
